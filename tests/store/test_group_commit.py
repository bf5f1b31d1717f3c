"""Writes that wait together are committed together, and none of them notices."""

import asyncio
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError

from backscroll.database.deferred import defer, settle
from backscroll.database.faults import DatabaseFailedError
from backscroll.database.locks import LOCK_S
from backscroll.database.sqlite import SqliteDatabase, open_sqlite
from backscroll.database.sqlite_engine import WritingDialect, engine_of
from backscroll.database.sqlite_threads import GROUP_WRITES, Serve, SqliteThreads, serve_writes
from backscroll.store.app import open_store
from tests.pace import limit_s, paced_s
from tests.store.conftest import V2
from tests.store.wire import error, new_thread, page, texts

MAKE_TABLE = "CREATE TABLE notes (note INTEGER UNIQUE)"


class DeferringError(Exception):
    """What a write raises that is to fail."""


class Held:
    """A database whose first write waits to begin until it is let go; counts what is committed."""

    def __init__(self) -> None:
        self.commits = 0
        self.begun = threading.Event()
        self.go = threading.Event()

    def begin(self, connection: Connection) -> None:
        if isinstance(connection.dialect, WritingDialect):  # the index's own task also reads
            self.begun.set()
            assert self.go.wait(timeout=limit_s(10))

    def commit(self, connection: Connection) -> None:
        self.commits += isinstance(connection.dialect, WritingDialect)


@contextmanager
def held() -> Iterator[Held]:
    """Hold every database; leave only when no write is under way."""
    hold = Held()
    event.listen(Engine, "begin", hold.begin)
    event.listen(Engine, "commit", hold.commit)
    try:
        yield hold
    finally:
        hold.go.set()
        event.remove(Engine, "begin", hold.begin)
        event.remove(Engine, "commit", hold.commit)


async def waiting(hold: Held, *writes: Awaitable[object]) -> list[asyncio.Future[object]]:
    """Return writes of which the first is held, and the others wait behind it in this order."""
    tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(write) for write in writes]
    assert await asyncio.to_thread(hold.begun.wait, 10)
    for _ in range(50):  # an endpoint takes a few turns of the loop to get to its write
        await asyncio.sleep(0)
    return tasks


def note(number: int) -> Callable[[Connection], int]:
    """Return the work of writing a number down."""

    def work(connection: Connection) -> int:
        connection.exec_driver_sql("INSERT INTO notes VALUES (?)", (number,))
        return number

    return work


def notes(connection: Connection) -> list[int]:
    found = connection.exec_driver_sql("SELECT note FROM notes ORDER BY rowid").all()
    return [number for (number,) in found]


def patient(engine: Engine, serve: Serve, threads: int = 1) -> SqliteThreads:
    """Start threads whose groups take all writes that wait, however slow the machine is."""
    if serve is serve_writes:
        serve = partial(serve_writes, group_s=60)
    return SqliteThreads(engine, serve, threads)


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    async with open_sqlite(f"sqlite:///{path}", "store", workers=patient) as opened:
        await opened.write(lambda connection: connection.exec_driver_sql(MAKE_TABLE))
        yield opened


async def test_writes_that_wait_together_share_a_commit_in_the_order_in_which_they_came(
    database: SqliteDatabase,
) -> None:
    with held() as hold:
        tasks = await waiting(hold, *(database.write(note(number)) for number in range(20)))
        hold.go.set()
        assert await asyncio.gather(*tasks) == list(range(20))
        assert hold.commits == 1
    assert await database.read(notes) == list(range(20))


def note_each(connection: Connection, numbers: Sequence[int]) -> None:
    connection.exec_driver_sql("INSERT INTO notes VALUES (?)", [(each,) for each in numbers])


def deferring(number: int, *, settles: bool, fails: bool) -> Callable[[Connection], None]:
    """Return the work of writing a number down at the end of the transaction, or at once."""

    def work(connection: Connection) -> None:
        defer(connection, note_each, [number])
        if settles:
            settle(connection)
        if fails:
            raise DeferringError

    return work


async def test_deferred_work_is_done_once_for_each_write_that_does_not_fail(
    database: SqliteDatabase,
) -> None:
    every = list(product((False, True), repeat=2)) * 3
    with held() as hold:
        works = (deferring(at, settles=s, fails=f) for at, (s, f) in enumerate(every))
        tasks = await waiting(hold, *map(database.write, works))
        hold.go.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(each, DeferringError) for each in outcomes] == [fails for _, fails in every]
    assert await database.read(notes) == [at for at, (_, fails) in enumerate(every) if not fails]
    await database.write(note(100))
    assert len(await database.read(notes)) == len(every) // 2 + 1


async def test_no_write_is_answered_before_the_commit_that_it_shares(
    database: SqliteDatabase, path: Path
) -> None:
    other = sqlite3.connect(path)

    async def seen(number: int) -> int:
        await database.write(note(number))
        return int(other.execute("SELECT count(*) FROM notes").fetchone()[0])

    with held() as hold:
        tasks = await waiting(hold, *(seen(number) for number in range(5)))
        hold.go.set()
        assert await asyncio.gather(*tasks) == [5] * 5
    other.close()


async def test_a_write_that_comes_alone_waits_for_nobody(database: SqliteDatabase) -> None:
    with held() as hold:
        hold.go.set()
        for number in range(3):
            await database.write(note(number))
            assert hold.commits == number + 1


async def test_writes_use_one_connection_until_one_of_them_fails(
    database: SqliteDatabase,
) -> None:
    taken: list[object] = []

    def take(connection: object, *_: object) -> None:
        taken.append(connection)

    event.listen(Engine, "checkout", take)
    for number in range(3):
        await database.write(note(number))
    assert taken == []
    with pytest.raises(IntegrityError):
        await database.write(note(0))
    await database.write(note(3))
    event.remove(Engine, "checkout", take)
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("count", "group_writes", "group_s", "commits"),
    [(3 * GROUP_WRITES, GROUP_WRITES, 60, 3), (10, 2, 60, 5), (5, GROUP_WRITES, -1, 5)],
)
async def test_a_group_is_bounded(
    count: int, group_writes: int, group_s: float, commits: int
) -> None:
    serve = partial(serve_writes, group_writes=group_writes, group_s=group_s)
    writer = SqliteThreads(engine_of(None, LOCK_S, begin=True), serve)
    await writer.run(lambda connection: connection.exec_driver_sql(MAKE_TABLE))
    with held() as hold:
        tasks = await waiting(hold, *(writer.run(note(number)) for number in range(count)))
        hold.go.set()
        assert await asyncio.gather(*tasks) == list(range(count))
        assert hold.commits == commits
    await asyncio.to_thread(writer.close)


@pytest.mark.parametrize(
    ("count", "failing"),
    [
        *[(2, {0}), (2, {1}), (2, {0, 1})],
        *[(5, {1}), (5, {4}), (5, {1, 2}), (5, {0, 2, 4}), (5, {0, 1, 2, 3, 4})],
    ],
)
async def test_a_write_that_fails_leaves_its_neighbours_alone(
    database: SqliteDatabase, count: int, failing: set[int]
) -> None:
    def fail(connection: Connection) -> None:
        note(100)(connection)
        note(100)(connection)

    with held() as hold:
        writes = [
            database.write(fail if number in failing else note(number)) for number in range(count)
        ]
        tasks = await waiting(hold, *writes)
        hold.go.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert hold.commits == (1 if len(failing) < count else 0)
    assert [isinstance(outcome, IntegrityError) for outcome in outcomes] == [
        number in failing for number in range(count)
    ]
    assert await database.read(notes) == [
        number for number in range(count) if number not in failing
    ]


@pytest.mark.parametrize("ahead", [1, 3])
@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("INSERT OR ROLLBACK INTO notes VALUES (0)", IntegrityError),  # ends the transaction
        ("INSERT INTO nowhere VALUES (0)", DatabaseFailedError),
    ],
)
async def test_a_write_that_costs_its_neighbours_the_transaction_costs_them_nothing_else(
    database: SqliteDatabase, statement: str, kind: type[Exception], ahead: int
) -> None:
    with held() as hold:
        writes = [database.write(note(number)) for number in range(5)]
        lost = database.write(lambda connection: connection.exec_driver_sql(statement))
        tasks = await waiting(hold, *writes[:ahead], lost, *writes[ahead:])
        hold.go.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes.pop(ahead), kind)
    assert outcomes == list(range(5))
    assert await database.read(notes) == list(range(5))


async def test_a_caller_that_goes_away_before_its_turn_leaves_its_write_undone(
    database: SqliteDatabase,
) -> None:
    with held() as hold:
        tasks = await waiting(hold, *(database.write(note(number)) for number in range(6)))
        for number in (0, 2, 5):
            tasks[number].cancel()
        hold.go.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    gone = [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes]
    assert gone == [True, False, True, False, False, True]
    # The first had begun when its caller went away.
    assert await database.read(notes) == [0, 1, 3, 4]


async def test_a_database_that_stays_busy_fails_all_that_wait_at_once_and_writes_nothing(
    path: Path,
) -> None:
    async with open_store(f"sqlite:///{path}", lock_s=paced_s(0.5)) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            url = f"/threads/{await new_thread(api, ('a',))}/messages"
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            body = {"role": "user", "content": "b"}
            async with asyncio.timeout(paced_s(10)):  # 40 waits in a row would take twice that
                replies = await asyncio.gather(*(api.post(url, json=body) for _ in range(40)))
            assert all("locked" in error(reply, 503)["message"] for reply in replies)
            other.execute("ROLLBACK")
            other.close()
            assert texts(await page(api, url)) == ["a"]
            assert (await api.post(url, json=body)).status_code == 200


Kind = Literal["plain", "missing", "invalid", "keyed", "reused", "cancelled"]


@settings(deadline=None, max_examples=25)
@given(kinds=st.lists(st.sampled_from(get_args(Kind)), min_size=2, max_size=30))
def test_requests_that_wait_together_are_answered_as_if_one_after_another(
    kinds: list[Kind],
) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_check_together(Path(folder) / "store.db", kinds))


async def _check_together(path: Path, kinds: list[Kind]) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            url = f"/threads/{await new_thread(api)}/messages"

            def send(at: int, kind: Kind) -> Awaitable[httpx2.Response]:
                body: dict[str, str] = {"role": "user", "content": f"{kind} {at}"}
                headers: dict[str, str] = {}
                if kind == "keyed":
                    body["content"], headers = "once", {"Idempotency-Key": "key"}
                if kind == "reused":
                    headers = {"Idempotency-Key": "key"}
                if kind == "invalid":
                    body["role"] = "system"
                to = "/threads/thread_missing/messages" if kind == "missing" else url
                return api.post(to, json=body, headers=headers)

            with held() as hold:
                first = api.post(url, json={"role": "user", "content": "first"})
                tasks = await waiting(hold, first, *(send(*each) for each in enumerate(kinds)))
                for task, kind in zip(tasks[1:], kinds, strict=True):
                    if kind == "cancelled":
                        task.cancel()
                hold.go.set()
                replies = await asyncio.gather(*tasks, return_exceptions=True)
            statuses, written = _one_after_another(kinds)
            assert [
                reply.status_code if isinstance(reply, httpx2.Response) else type(reply)
                for reply in replies[1:]
            ] == statuses
            listed = await page(api, url, order="asc", limit=100)
            assert texts(listed) == ["first", *written]
            made = Counter(
                reply.json()["id"]
                for reply in replies
                if isinstance(reply, httpx2.Response) and reply.status_code == 200
            )
            assert set(made) == {message["id"] for message in listed["data"]}
    database = sqlite3.connect(path)
    positions = database.execute("SELECT position FROM messages ORDER BY rowid").fetchall()
    database.close()
    assert positions == [(at,) for at in range(1, len(written) + 2)]


def _one_after_another(kinds: list[Kind]) -> tuple[list[object], list[str]]:
    """Return the statuses, and the texts written, of requests that each wait for the one before."""
    statuses: list[object] = []
    written: list[str] = []
    holder = ""
    for at, kind in enumerate(kinds):
        match kind:
            case "missing":
                statuses.append(404)
            case "invalid":
                statuses.append(400)
            case "cancelled":
                statuses.append(asyncio.CancelledError)
            case "plain":
                statuses.append(200)
                written.append(f"plain {at}")
            case "keyed":
                statuses.append(422 if holder not in {"", "once"} else 200)
                if not holder:
                    holder = "once"
                    written.append(holder)
            case "reused":
                statuses.append(422 if holder else 200)
                if not holder:
                    holder = f"reused {at}"
                    written.append(holder)
    return statuses, written
