"""What is acknowledged is on disk, whoever else writes, and whoever goes away."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection, Engine, event
from starlette.types import Message, Receive, Scope, Send

from backscroll.database import sqlite
from backscroll.database.faults import StoreError
from backscroll.database.sqlite import SqliteDatabase, open_sqlite
from backscroll.database.sqlite_engine import journal_mode
from backscroll.store.app import Store, open_store
from tests.pace import limit_s
from tests.store.conftest import V2
from tests.store.wire import add, error, is_of_background, new_thread, page, texts


async def _pragmas(database: SqliteDatabase, name: str) -> set[object]:
    """Return a setting's values on all connections, writing and reading."""
    all_have_one = threading.Barrier(sqlite.READERS + 1)

    def ask(connection: Connection) -> object:
        all_have_one.wait(timeout=limit_s(10))
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    waiting = database._reading  # noqa: SLF001 - the way there leads past a writer's lock alone
    readers = [waiting.run(ask) for _ in range(sqlite.READERS)]
    prompt = await database.read(lambda found: found.exec_driver_sql(f"PRAGMA {name}").scalar_one())
    return {prompt, *await asyncio.gather(database.write(ask), *readers)}


async def test_every_connection_syncs_in_full_and_erases_what_is_deleted(path: Path) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store") as database:
        assert await _pragmas(database, "synchronous") == {2}
        assert await _pragmas(database, "secure_delete") == {1}
        assert await _pragmas(database, "journal_mode") == {
            journal_mode(sqlite3.sqlite_version_info)
        }


@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "truncate"),
        ((3, 44, 5), "truncate"),
        ((3, 44, 6), "wal"),
        ((3, 45, 0), "truncate"),
        ((3, 50, 6), "truncate"),
        ((3, 50, 7), "wal"),
        ((3, 51, 0), "truncate"),
        ((3, 51, 2), "truncate"),
        ((3, 51, 3), "wal"),
        ((3, 52, 0), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_the_log_is_written_ahead_only_where_its_reset_is_mended(
    version: tuple[int, ...], mode: str
) -> None:
    assert journal_mode(version) == mode


async def test_a_database_follows_the_journal_mode_of_the_sqlite_that_opens_it(
    path: Path,
) -> None:
    url = f"sqlite:///{path}"
    truncating, ahead = (3, 50, 6), (3, 51, 3)
    for version, mode in ((truncating, "truncate"), (ahead, "wal"), (truncating, "truncate")):
        async with open_sqlite(url, "store", sqlite_version=version) as database:
            assert await _pragmas(database, "journal_mode") == {mode}
    async with open_sqlite(url, "store", sqlite_version=ahead):
        with pytest.raises(StoreError, match="is locked by another program"):
            async with open_sqlite(url, "store", lock_s=0.05, sqlite_version=truncating):
                pass


async def test_a_commit_precedes_every_reply(store: Store, path: Path) -> None:
    """Another process's view of the file, at the moment when the reply begins."""
    seen: list[tuple[int, int]] = []
    living = (
        "SELECT (SELECT count(*) FROM threads WHERE deleted_at IS NULL), count(*) "
        "FROM messages WHERE deleted_at IS NULL"
    )
    other = sqlite3.connect(path)

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def watching_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.append(other.execute(living).fetchone())
            await send(message)

        await store.app(scope, receive, watching_send)

    transport = httpx2.ASGITransport(app=watched)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=V2
    ) as api:
        thread_id = await new_thread(api)
        first = await add(api, thread_id, "a")
        key = {"Idempotency-Key": "k"}
        body = {"role": "user", "content": "b"}
        await api.post(f"/threads/{thread_id}/messages", json=body, headers=key)
        await api.delete(f"/threads/{thread_id}/messages/{first}")
        await api.delete(f"/threads/{thread_id}")
    other.close()
    assert seen == [(1, 0), (1, 1), (1, 2), (1, 1), (0, 0)]


async def test_writers_at_once_lose_nothing_and_leave_no_gap(
    api: httpx2.AsyncClient, path: Path
) -> None:
    """Two stores on one file, as two processes would have it."""
    thread_id = await new_thread(api)
    async with open_store(f"sqlite:///{path}") as second:
        transport = httpx2.ASGITransport(app=second.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as other:
            made = await asyncio.gather(
                *(add((api, other)[at % 2], thread_id, str(at)) for at in range(50))
            )
    listed = await page(api, f"/threads/{thread_id}/messages", order="asc", limit=100)
    assert sorted(texts(listed), key=int) == [str(at) for at in range(50)]
    assert {message["id"] for message in listed["data"]} == set(made)
    database = sqlite3.connect(path)
    positions = database.execute("SELECT position FROM messages ORDER BY rowid").fetchall()
    database.close()
    assert positions == [(at,) for at in range(1, 51)]
    assert (await page(api, "/threads"))["data"][0]["message_count"] == 50


async def test_a_busy_database_is_said_to_be_busy_and_nothing_is_written(path: Path) -> None:
    async with open_store(f"sqlite:///{path}", lock_s=0.05) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            thread_id = await new_thread(api, ("a",))
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            body = {"role": "user", "content": "b"}
            url = f"/threads/{thread_id}/messages"
            for reply in await asyncio.gather(*(api.post(url, json=body) for _ in range(3))):
                assert "locked" in error(reply, 503)["message"]
                assert int(reply.headers["retry-after"]) >= 1
            assert texts(await page(api, f"/threads/{thread_id}/messages")) == ["a"]
            other.execute("ROLLBACK")
            other.close()
            await add(api, thread_id, "b")
            assert texts(await page(api, f"/threads/{thread_id}/messages")) == ["b", "a"]


async def test_a_database_that_fails_is_an_error_of_the_server_and_no_text_is_logged(
    api: httpx2.AsyncClient, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    thread_id = await new_thread(api)
    other = sqlite3.connect(path)
    other.execute("DROP TABLE messages")
    other.close()
    body = {"role": "user", "content": "a secret"}
    reply = await api.post(f"/threads/{thread_id}/messages", json=body)
    assert error(reply, 503) == {
        "message": (
            "The database failed: its file is damaged (SQLITE_ERROR). Nothing was written."
        ),
        "param": None,
        "code": "database_damaged",
    }
    (failure,) = [record.getMessage() for record in caplog.records]
    assert failure == (
        f"the database {path}: its file is damaged (SQLITE_ERROR); nothing was written"
    )
    assert "a secret" not in caplog.text
    assert (await page(api, "/threads"))["data"][0]["message_count"] == 0


@pytest.mark.parametrize("database", ["sqlite://", "sqlite:///{path}"])
@pytest.mark.parametrize("last", ["INSERT INTO threads", "UPDATE", "INSERT INTO messages"])
async def test_a_caller_that_goes_away_in_the_middle_leaves_a_write_whole(
    database: str, last: str, path: Path
) -> None:
    """The request is cancelled as its statement that begins with ``last`` is run."""
    requests: list[asyncio.Task[httpx2.Response]] = []
    loop, gone = asyncio.get_running_loop(), threading.Event()
    waited: list[bool] = []

    def run(statement: str) -> None:
        if requests and statement.startswith(last) and not is_of_background(statement):
            loop.call_soon_threadsafe(requests.pop().cancel)
            waited.append(gone.wait(timeout=limit_s(10)))

    def watch(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(run)

    event.listen(Engine, "connect", watch)
    try:
        async with open_store(database.format(path=path)) as store:
            transport = httpx2.ASGITransport(app=store.app)
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://store/v1", headers=V2
            ) as api:
                await new_thread(api)
                messages = [{"role": "user", "content": str(at)} for at in range(3)]
                request = asyncio.create_task(api.post("/threads", json={"messages": messages}))
                requests.append(request)
                request.add_done_callback(lambda _: gone.set())
                with pytest.raises(asyncio.CancelledError):
                    await request
                await new_thread(api, ("still", "served"))
                listed = (await page(api, "/threads"))["data"]
    finally:
        event.remove(Engine, "connect", watch)
    assert waited == [True]
    assert [each["message_count"] for each in listed] == [2, 3, 0]
