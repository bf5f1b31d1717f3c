"""SQLite's file full, read-only, gone, replaced, cut or damaged while a store is open on it.

What is acknowledged is in the file at the path; what is refused was not written, and is said not
to be; the cause is named; and nothing needs a restart once the cause has gone.
"""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

import asyncio
import contextlib
import json
import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Final, cast

import httpx2
import pytest
from sqlalchemy import Connection, Engine, event

from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseFailedError,
    NothingWrittenError,
    StoreError,
)
from backscroll.database.sqlite import open_sqlite
from backscroll.database.sqlite_engine import WritingDialect
from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.store.conftest import V2
from tests.store.wire import add, new_thread, page, texts

PAGE: Final = 4096
SECRET: Final = "a canary in a message"


def client_of(store: Store) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=store.app), base_url="http://store/v1", headers=V2
    )


def kept(path: Path) -> list[str]:
    """Return the texts that another program finds in the file at a path."""
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT content FROM messages ORDER BY position").fetchall()
    return [json.loads(content)[0]["text"]["value"] for (content,) in rows]


async def posted(api: httpx2.AsyncClient, thread_id: str, text: str) -> httpx2.Response:
    return await api.post(
        f"/threads/{thread_id}/messages",
        json={"role": "user", "content": text},
        headers={"Idempotency-Key": text[:200]},
    )


def assert_refused(reply: httpx2.Response, trouble: str, cause: str) -> None:
    """The reply says that nothing was written, why, and that asking again at once is no use."""
    assert reply.status_code == 503, reply.text
    told = reply.json()["error"]
    assert (told["code"], told["type"]) == (f"database_{trouble}", "server_error")
    assert told["message"].endswith(f"({cause}). Nothing was written." if cause else "written.")
    assert (reply.headers["retry-after"], reply.headers["x-should-retry"]) == ("60", "false")


async def trouble_of(store: Store) -> str:
    """Return what the store says of itself; empty while all is well."""
    try:
        await store.check()
    except DatabaseFailedError as error:
        return error.trouble
    return ""


@pytest.fixture
async def database_url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
async def thread_id(api: httpx2.AsyncClient) -> str:
    """A thread with one message, that all connections of the store have seen."""
    made = await new_thread(api, ("before",))
    await page(api, f"/threads/{made}/messages")
    return made


async def test_a_file_that_is_gone_takes_no_writes_and_is_found_when_it_is_back(
    api: httpx2.AsyncClient, store: Store, thread_id: str, path: Path
) -> None:
    elsewhere = path.with_name("elsewhere.db")
    path.rename(elsewhere)

    assert_refused(await posted(api, thread_id, "lost"), "missing", "SQLITE_CANTOPEN")
    assert_refused(await api.get("/threads"), "missing", "SQLITE_CANTOPEN")
    assert await trouble_of(store) == "missing"
    assert (path.exists(), kept(elsewhere)) == (False, ["before"])

    elsewhere.rename(path)
    assert await trouble_of(store) == ""
    assert (await posted(api, thread_id, "after")).status_code == 200
    assert texts(await page(api, f"/threads/{thread_id}/messages")) == ["after", "before"]
    assert kept(path) == ["before", "after"]


async def test_a_file_that_was_replaced_is_the_one_that_is_read_and_written(
    api: httpx2.AsyncClient, store: Store, thread_id: str, path: Path
) -> None:
    backup = path.with_name("backup.db")
    shutil.copyfile(path, backup)
    assert (await posted(api, thread_id, "after the backup")).status_code == 200
    os.replace(backup, path)  # noqa: PTH105 - as a restore does it

    assert (await posted(api, thread_id, "after the restore")).status_code == 200
    listed = await page(api, f"/threads/{thread_id}/messages")
    assert texts(listed) == ["after the restore", "before"]
    assert kept(path) == ["before", "after the restore"]
    assert await trouble_of(store) == ""


@pytest.mark.parametrize(
    ("statement", "trouble", "cause"),
    [
        ("CREATE TABLE bookmarks (url)", "damaged", "SQLITE_ERROR"),
        ("CREATE TABLE backscroll_schema AS SELECT 1 AS version", "foreign", ""),
    ],
)
async def test_a_file_that_was_replaced_by_another_program_s_is_left_alone(
    path: Path, statement: str, trouble: str, cause: str
) -> None:
    async with open_store(f"sqlite:///{path}") as store, client_of(store) as api:
        thread_id = await new_thread(api, ("before",))
        mine, theirs = path.with_name("mine.db"), path.with_name("theirs.db")
        with closing(sqlite3.connect(theirs)) as other, other:
            other.execute(statement)
        before = theirs.read_bytes()
        path.rename(mine)
        theirs.rename(path)

        assert_refused(await posted(api, thread_id, "lost"), trouble, cause)
        assert_refused(await api.get("/threads"), trouble, cause)
        assert await trouble_of(store) == trouble
        assert path.read_bytes() == before

        mine.rename(path)
        assert await trouble_of(store) == ""
        assert (await posted(api, thread_id, "after")).status_code == 200
        assert kept(path) == ["before", "after"]


@contextmanager
def before_commits(act: Callable[[], object]) -> Iterator[None]:
    """Act once, when a transaction has done its work and is about to be committed."""
    left = [act]

    def commit(*_: object) -> None:
        if left:
            left.pop()()

    event.listen(Engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(Engine, "commit", commit)


@pytest.mark.parametrize("again", [False, True])
async def test_a_file_replaced_in_the_middle_of_a_write_has_the_write_done_anew(
    api: httpx2.AsyncClient, thread_id: str, path: Path, *, again: bool
) -> None:
    backup = path.with_name("backup.db")
    shutil.copyfile(path, backup)
    with before_commits(lambda: backup.replace(path)):
        replies = await asyncio.gather(
            *(posted(api, thread_id, text) for text in (("a", "b", "c") if again else ("a",)))
        )
    assert [reply.status_code for reply in replies] == [200] * len(replies)
    assert sorted(kept(path)) == sorted(["before", *("abc" if again else "a")])


async def test_a_file_deleted_in_the_middle_of_a_write_is_said_not_to_have_it(
    api: httpx2.AsyncClient, thread_id: str, path: Path
) -> None:
    with before_commits(path.unlink):
        assert_refused(await posted(api, thread_id, "lost"), "missing", "SQLITE_CANTOPEN")


@contextmanager
def commits_that_end(act: Callable[[sqlite3.Connection], object]) -> Iterator[None]:
    """Have the driver's next connections do something when a COMMIT has been done."""

    class Driver(sqlite3.Connection):
        def commit(self) -> None:
            super().commit()
            act(self)

    def connect(_dialect: object, _record: object, _given: object, more: dict[str, Any]) -> None:
        more["factory"] = Driver

    event.listen(Engine, "do_connect", connect)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", connect)


async def test_a_file_deleted_just_after_the_commit_leaves_the_write_unknown(path: Path) -> None:
    acts: list[Callable[[], object]] = []
    with commits_that_end(lambda _: acts and acts.pop()()):
        async with open_sqlite(f"sqlite:///{path}", "store") as database:
            acts.append(path.unlink)
            with pytest.raises(CommitUnknownError):
                await database.write(lambda _: None)


async def test_a_commit_whose_end_is_not_known_is_said_to_be_so_and_its_key_finds_out(
    path: Path,
) -> None:
    """The disk fails to sync the journal's end: the commit may stand, and here it does."""
    fails: list[bool] = []

    def fail(_: sqlite3.Connection) -> None:
        if fails:
            fails.pop()
            failure = sqlite3.OperationalError("disk I/O error")
            failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise failure

    with commits_that_end(fail):
        async with open_store(f"sqlite:///{path}") as store, client_of(store) as api:
            thread_id = await new_thread(api)
            fails.append(True)
            replies = await asyncio.gather(*(posted(api, thread_id, text) for text in "abc"))
            assert {reply.status_code for reply in replies} <= {200, 500}
            assert any("may or may not have succeeded" in reply.text for reply in replies)
            again = await asyncio.gather(*(posted(api, thread_id, text) for text in "abc"))
            assert [reply.status_code for reply in again] == [200] * 3
    assert sorted(kept(path)) == ["a", "b", "c"]


async def test_a_full_disk_refuses_what_it_cannot_hold_and_nothing_else(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite's own limit of pages stands for the disk's end: both are SQLITE_FULL."""
    pages = [1_000_000]

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages[0]}").close()

    def begin(connection: Connection) -> None:
        if isinstance(connection.dialect, WritingDialect):  # the index's own task also reads
            limit(cast("sqlite3.Connection", connection.connection.driver_connection))

    event.listen(Engine, "connect", limit)
    event.listen(Engine, "begin", begin)
    try:
        async with open_store(f"sqlite:///{path}") as store, client_of(store) as api:
            thread_id = await new_thread(api, ("before",))
            pages[0] = path.stat().st_size // PAGE
            large = SECRET * 2_000
            caplog.clear()
            replies = await asyncio.gather(
                posted(api, thread_id, large), posted(api, thread_id, "small")
            )
            assert_refused(replies[0], "full", "SQLITE_FULL")
            assert replies[1].status_code == 200
            errors = [record.getMessage() for record in caplog.records if record.levelno >= 40]
            assert errors == [
                f"the database {path}: its disk is full (SQLITE_FULL); nothing was written"
            ]
            assert SECRET not in caplog.text
            assert kept(path) == ["before", "small"]
            pages[0] = 1_000_000
            assert (await posted(api, thread_id, large)).status_code == 200
            assert await trouble_of(store) == ""
    finally:
        event.remove(Engine, "connect", limit)
        event.remove(Engine, "begin", begin)
    assert kept(path) == ["before", "small", large]


async def test_a_read_only_file_is_told_and_needs_no_restart(unprivileged: Path) -> None:
    path = unprivileged / "store.db"
    async with open_store(f"sqlite:///{path}") as store, client_of(store) as api:
        thread_id = await new_thread(api, ("before",))
        path.chmod(0o400)
        assert await trouble_of(store) == "read_only"
        # What has the file open may write it still: what it acknowledges is there.
        reply = await posted(api, thread_id, "after")
        assert (reply.status_code, kept(path)) == (200, ["before", "after"])
        path.chmod(0o600)
        assert await trouble_of(store) == ""


async def test_a_folder_that_takes_no_journal_is_told_and_needs_no_restart(
    unprivileged: Path,
) -> None:
    path = unprivileged / "store.db"
    async with open_store(f"sqlite:///{path}") as store, client_of(store) as api:
        thread_id = await new_thread(api, ("before",))
        for left in unprivileged.glob("store.db-*"):
            left.unlink()
        unprivileged.chmod(0o500)
        (await api.get("/threads")).raise_for_status()
        reply = await posted(api, thread_id, "lost")
        assert (reply.status_code, "Nothing was written" in reply.text) == (503, True)
        assert reply.json()["error"]["code"] in {"database_read_only", "database_missing"}
        assert await trouble_of(store) in {"read_only", "missing"}
        unprivileged.chmod(0o700)
        assert await trouble_of(store) == ""
        assert (await posted(api, thread_id, "after")).status_code == 200
    assert kept(path) == ["before", "after"]


@pytest.mark.parametrize("pages", [0, 1, 3])
async def test_a_file_cut_short_acknowledges_nothing_that_it_cannot_keep(
    api: httpx2.AsyncClient, store: Store, thread_id: str, path: Path, pages: int
) -> None:
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.truncate(pages * PAGE)

    reply = await posted(api, thread_id, "lost")
    assert reply.status_code == 503, reply.text
    assert reply.json()["error"]["code"] == "database_damaged"
    assert await trouble_of(store) == "damaged"

    path.write_bytes(whole)
    assert await trouble_of(store) == ""
    assert (await posted(api, thread_id, "after")).status_code == 200
    assert kept(path) == ["before", "after"]


async def test_damaged_json_is_told_and_not_taken_for_a_flaw_of_the_request(
    api: httpx2.AsyncClient, store: Store, thread_id: str, path: Path
) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE messages SET content = '[{' || char(1)")
    reply = await api.get(f"/threads/{thread_id}/messages")
    assert_refused(reply, "damaged", "malformed JSON")
    assert await trouble_of(store) == "damaged"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM messages")
    assert await trouble_of(store) == ""


@asynccontextmanager
async def filled(path: Path) -> AsyncIterator[tuple[httpx2.AsyncClient, Store, str]]:
    """A store of several pages of every kind: tables, indexes, overflow and a freelist."""
    async with open_store(f"sqlite:///{path}") as store, client_of(store) as api:
        threads = [
            await new_thread(api, tuple(f"{at} {'x' * 900}" for at in range(8))) for _ in "ab"
        ]
        await add(api, threads[0], "o" * 20_000)
        await api.delete(f"/threads/{threads[1]}")
        yield api, store, threads[0]


def damage(path: Path, source: random.Random) -> None:
    """Overwrite some bytes of a file, as a failing disk or a stray program does."""
    with path.open("r+b") as file:
        at = source.randrange(path.stat().st_size)
        at -= at % PAGE if source.random() < 0.5 else 0  # half of all at a page's head
        file.seek(at + source.randrange(16))
        file.write(source.randbytes(source.choice([1, 8, 64, PAGE])))


def imported(key: str) -> ImportedThread:
    message = ImportedMessage(role="user", content=key, created_at=1)
    return ImportedThread(key=key, id=f"thread_{key}", created_at=1, messages=[message])


@pytest.mark.parametrize("seed", range(10))
async def test_a_damaged_file_loses_nothing_that_it_acknowledges_and_hides_no_failure(
    path: Path, seed: int
) -> None:
    source = random.Random(seed)
    async with filled(path) as (api, store, thread_id):
        whole = path.with_name("whole.db")
        shutil.copyfile(path, whole)
        damage(path, source)

        acknowledged: dict[str, str] = {}
        for at in range(6):
            reply = await posted(api, thread_id, f"new {at}")
            if reply.status_code == 200:
                acknowledged[reply.json()["id"]] = f"new {at}"
            else:
                assert_refused_for_damage(reply)
            if at % 2:
                continue
            with contextlib.suppress(NothingWrittenError, StoreError):
                assert (await store.import_thread(imported(f"key{at}"))).kind == "imported"
                found = await api.get(f"/threads/thread_key{at}/messages")
                if found.status_code == 200:
                    assert texts(found.json()) == [f"key{at}"]
                else:
                    assert_refused_for_damage(found)
        for identifier, text in acknowledged.items():
            reply = await api.get(f"/threads/{thread_id}/messages/{identifier}")
            if reply.status_code != 200:
                assert_refused_for_damage(reply)
                continue
            assert reply.json()["content"][0]["text"]["value"] == text
        for url in ("/threads", f"/threads/{thread_id}/messages?limit=100", "/threads?order=asc"):
            reply = await api.get(url)
            if reply.status_code != 200:
                assert_refused_for_damage(reply)

        os.replace(whole, path)  # noqa: PTH105 - as a restore does it
        assert (await posted(api, thread_id, "restored")).status_code == 200
        assert await trouble_of(store) == ""


def assert_refused_for_damage(reply: httpx2.Response) -> None:
    assert reply.status_code == 503, reply.text
    told = reply.json()["error"]
    assert told["code"] in {"database_damaged", "database_failed", "database_foreign"}
    assert "Nothing was written" in told["message"]
