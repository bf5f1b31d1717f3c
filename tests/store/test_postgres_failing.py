"""PostgreSQL failing: what was not written is tried again, what may be is said to be unknown."""

import asyncio
import re
from typing import Any, Literal, get_args

import asyncpg
import httpx2
import pytest
from sqlalchemy import Connection, Engine, ExceptionContext, event, func, select

from backscroll.database.bulk import COPIED
from backscroll.database.faults import DatabaseFailedError, StoreError
from backscroll.database.opening import open_database
from backscroll.database.port import Work
from backscroll.database.postgres_opening import READERS
from backscroll.database.schema import threads
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.pace import paced_s
from tests.postgres import PostgresServer, at_port, postgres_server
from tests.store.conftest import V2
from tests.store.cutting import Side, cutting
from tests.store.replicas import client, rows
from tests.store.wire import add, error, new_thread, page, texts

BODY = {"role": "user", "content": "once"}
KEY = {"Idempotency-Key": "key"}
END_SESSIONS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE application_name = 'backscroll' AND datname = current_database()"
)


async def test_a_lock_that_another_program_holds_is_waited_for_no_longer_than_allowed(
    shared: str,
) -> None:
    async with client(shared, lock_s=0.05) as api:
        url = f"/threads/{await new_thread(api, ('a',))}/messages"
        other = await asyncpg.connect(shared)
        async with other.transaction():
            await other.execute("SELECT * FROM threads FOR UPDATE")
            for reply in await asyncio.gather(*(api.post(url, json=BODY) for _ in range(3))):
                assert "locked" in error(reply, 503)["message"]
                assert int(reply.headers["retry-after"]) >= 1
        await other.close()
        assert texts(await page(api, url)) == ["a"]
        await add(api, url.split("/")[2], "b")


async def test_a_connection_that_the_server_ended_costs_no_request(shared: str) -> None:
    async with client(shared) as api:
        thread_id = await new_thread(api)
        for text in ("a", "b"):
            ended = await rows(shared, END_SESSIONS)
            assert (True,) in ended
            await add(api, thread_id, text)
        assert texts(await page(api, f"/threads/{thread_id}/messages")) == ["b", "a"]


@pytest.mark.parametrize("word", [b"BEGIN", b"UPDATE threads", b"INSERT INTO idempotency"])
@pytest.mark.parametrize("side", get_args(Side))
async def test_a_connection_lost_before_the_commit_costs_nothing(
    shared: str, postgres: PostgresServer, word: bytes, side: Side
) -> None:
    async with (
        cutting(postgres.port) as cutter,
        client(at_port(shared, cutter.port)) as api,
    ):
        url = f"/threads/{await new_thread(api)}/messages"
        cutter.cut(word, side)
        reply = await api.post(url, json=BODY, headers=KEY)
        assert reply.status_code == 200
        assert cutter.cuts == 1
        assert texts(await page(api, url)) == ["once"]


@pytest.mark.parametrize("side", ["before", "after", "ended"])
async def test_a_connection_lost_before_a_copy_costs_nothing(
    shared: str, postgres: PostgresServer, side: Side
) -> None:
    messages = [
        ImportedMessage(role="user", content=str(at), created_at=1) for at in range(2 * COPIED)
    ]
    given = ImportedThread(key="a", id="thread_a", created_at=1, messages=messages)
    async with (
        cutting(postgres.port) as cutter,
        open_store(at_port(shared, cutter.port)) as store,
    ):
        # Before each COPY, asyncpg asks for the types of its columns.
        cutter.cut(b'" LIMIT 1', side)
        await store.import_thread(given)
        assert cutter.cuts == 1
    assert await rows(shared, "SELECT count(*) FROM messages") == [(len(messages),)]


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_connection_lost_at_the_start_is_reported(
    shared: str, postgres: PostgresServer, side: Side
) -> None:
    async with cutting(postgres.port) as cutter:
        cutter.cut(b"SELECT WHERE pg_backend_pid", side)
        with pytest.raises(StoreError, match="closed the connection"):
            async with open_store(at_port(shared, cutter.port)):
                pass
        assert cutter.cuts == 1


@pytest.mark.parametrize("side", ["before", "after", "answered"])
async def test_a_connection_lost_while_it_is_opened_costs_nothing(
    shared: str, postgres: PostgresServer, side: Side
) -> None:
    async with (
        cutting(postgres.port) as cutter,
        client(at_port(shared, cutter.port)) as api,
    ):
        thread_id = await new_thread(api, ("a",))
        for do in (page(api, f"/threads/{thread_id}/messages"), add(api, thread_id, "b")):
            await rows(shared, END_SESSIONS)
            cutter.cut(b"lock_timeout", side)
            await do
        assert cutter.cuts == 2
        assert texts(await page(api, f"/threads/{thread_id}/messages")) == ["b", "a"]


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_connection_lost_in_the_commit_costs_nothing_if_the_request_has_a_key(
    shared: str, postgres: PostgresServer, side: Literal["before", "after"]
) -> None:
    async with (
        cutting(postgres.port) as cutter,
        client(at_port(shared, cutter.port)) as api,
    ):
        url = f"/threads/{await new_thread(api)}/messages"
        # The index's own task commits too. BEGIN says READ COMMITTED.
        cutter.cut(b"COMMIT;", side, following=b"once")
        reply = await api.post(url, json=BODY, headers=KEY)
        assert reply.status_code == 200
        assert ("idempotent-replayed" in reply.headers) == (side == "after")
        assert cutter.cuts == 1
        assert texts(await page(api, url)) == ["once"]


@pytest.mark.parametrize("side", ["before", "after"])
async def test_without_a_key_a_connection_lost_in_the_commit_is_said_to_be_unknown(
    shared: str, postgres: PostgresServer, side: Literal["before", "after"]
) -> None:
    async with (
        cutting(postgres.port) as cutter,
        client(at_port(shared, cutter.port)) as api,
    ):
        url = f"/threads/{await new_thread(api)}/messages"
        cutter.cut(b"COMMIT;", side, following=b"once")
        reply = await api.post(url, json=BODY)
        assert "may or may not have succeeded" in error(reply, 500)["message"]
        assert "retry-after" not in reply.headers
        assert cutter.cuts == 1
        assert texts(await page(api, url)) == (["once"] if side == "after" else [])


async def test_a_database_that_is_read_only_for_a_while_is_waited_for(
    shared: str, postgres: PostgresServer
) -> None:
    name = shared.rpartition("/")[2]
    async with client(shared) as api:
        thread_id = await new_thread(api)
        await rows(shared, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await rows(shared, END_SESSIONS)
        refused = asyncio.Event()

        def refuse(context: ExceptionContext) -> None:
            if "read-only transaction" in str(context.original_exception):
                refused.set()

        event.listen(Engine, "handle_error", refuse)
        writing = asyncio.create_task(add(api, thread_id, "a"))
        await refused.wait()
        event.remove(Engine, "handle_error", refuse)
        # A session that was opened in the meantime stays read-only.
        await rows(postgres.url(), f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await writing
        assert texts(await page(api, f"/threads/{thread_id}/messages")) == ["a"]


async def test_a_server_that_is_gone_is_said_to_be_and_is_found_when_it_is_back(
    shared: str, postgres: PostgresServer
) -> None:
    async with (
        cutting(postgres.port) as cutter,
        client(at_port(shared, cutter.port), lock_s=0.1) as api,
    ):
        url = f"/threads/{await new_thread(api)}/messages"
        cutter.refuses = True
        requests = ((b"UPDATE threads", api.post(url, json=BODY)), (b"threads", api.get(url)))
        for word, request in requests:  # the index's own task uses other tables
            cutter.cut(word, "before")
            reply = await request
            assert "does not respond. Nothing was written" in error(reply, 503)["message"]
            assert int(reply.headers["retry-after"]) >= 1
            assert postgres.password not in reply.text
        cutter.refuses = False
        await add(api, url.split("/")[2], "a")
        assert texts(await page(api, url)) == ["a"]


async def test_writes_to_one_thread_wait_together_for_a_server_that_is_gone(
    shared: str, postgres: PostgresServer
) -> None:
    async with (
        cutting(postgres.port) as cutter,
        client(at_port(shared, cutter.port), lock_s=paced_s(0.3)) as api,
    ):
        url = f"/threads/{await new_thread(api)}/messages"
        cutter.refuses = True
        cutter.cut(b"UPDATE threads", "before")
        for reply in await asyncio.gather(*(api.post(url, json=BODY) for _ in range(3))):
            assert error(reply, 503)["code"] == "database_unavailable"
        cutter.refuses = False
        await add(api, url.split("/")[2], "a")
        assert texts(await page(api, url)) == ["a"]


async def test_a_server_that_becomes_a_standby_is_said_to_be_one(shared: str) -> None:
    async with open_store(shared, lock_s=0.1) as store:
        transport = httpx2.ASGITransport(app=store.app)
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://store/v1", headers=V2
        ) as api:
            name = shared.rpartition("/")[2]
            await rows(shared, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            await rows(shared, END_SESSIONS)
            envelope = error(await api.post("/threads", json={}), 503)
            sentence = "its server is a standby or read-only, and cannot be written to (25006)"
            assert envelope == {
                "message": f"The database failed: {sentence}. Nothing was written.",
                "param": None,
                "code": "database_standby",
            }
            with pytest.raises(DatabaseFailedError, match=re.escape(sentence)):
                await store.check()


async def test_a_server_that_has_ended_is_said_to_be_gone() -> None:
    with postgres_server() as server:
        opened = open_store(server.url(), lock_s=0.1)
        store = await opened.__aenter__()
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://store/v1", headers=V2
    ) as api:
        error(await api.post("/threads", json={}), 503)
    await opened.__aexit__(None, None, None)


async def test_transactions_that_wait_for_each_other_are_both_done_in_the_end(
    shared: str,
) -> None:
    name = shared.rpartition("/")[2]
    await rows(shared, f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'")  # to be quick
    async with client(shared) as api, open_database(shared, "store") as database:
        ids = [await new_thread(api) for _ in range(2)]
        runs, done = 0, []

        def crossing(*order: str) -> Work[None]:
            def work(connection: Connection) -> None:
                nonlocal runs
                runs += 1
                for thread_id in order:
                    held = select(threads).where(threads.c.id == thread_id).with_for_update()
                    connection.execute(held)
                    connection.execute(select(func.pg_sleep(paced_s(0.3))))
                done.append(order)

            return work

        await asyncio.gather(
            database.write(crossing(*ids)),
            database.write(crossing(*ids[::-1])),
        )
        assert sorted(done) == sorted([tuple(ids), tuple(ids[::-1])])
        assert runs > len(done)  # one was undone, and begun anew until the other had ended


@pytest.mark.parametrize("last", ["INSERT INTO threads", "UPDATE", "INSERT INTO messages"])
async def test_a_caller_that_goes_away_in_the_middle_leaves_a_write_whole(
    shared: str, last: str
) -> None:
    async with client(shared) as api:
        messages = [{"role": "user", "content": str(at)} for at in range(3)]
        request = asyncio.create_task(api.post("/threads", json={"messages": messages}))

        def cancel(*arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event has six
            if arguments[2].startswith(last):
                request.cancel()

        event.listen(Engine, "before_cursor_execute", cancel)
        with pytest.raises(asyncio.CancelledError):
            await request
        event.remove(Engine, "before_cursor_execute", cancel)
    listed = await rows(shared, "SELECT message_count FROM threads")
    assert listed == [(3,)]
    assert await rows(shared, "SELECT count(*) FROM messages") == [(3,)]


async def test_a_reader_that_goes_away_leaves_nothing_running(shared: str) -> None:
    asleep = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()"
    )

    def sleep(connection: Connection) -> None:
        connection.execute(select(func.pg_sleep(paced_s(20))))

    async with open_database(shared, "store") as database:
        reading = [asyncio.create_task(database.read(sleep)) for _ in range(READERS)]
        while await rows(shared, asleep) != [(READERS,)]:
            pass
        for each in reading:
            each.cancel()
        outcomes = await asyncio.gather(*reading, return_exceptions=True)
        assert [type(each) for each in outcomes] == [asyncio.CancelledError] * READERS
        async with asyncio.timeout(paced_s(10)):
            while await rows(shared, asleep) != [(0,)]:
                pass
        assert await database.read(lambda connection: connection.scalar(select(1))) == 1


async def test_a_table_that_another_replica_brings_up_to_date_costs_no_request(
    shared: str,
) -> None:
    async with client(shared) as api:
        url = f"/threads/{await new_thread(api, ('a',))}"
        for kind in ("integer", "bigint", "integer"):
            assert (await api.get("/threads")).status_code == 200
            changed = await api.post(url, json={"metadata": {"kind": kind}})
            assert changed.status_code == 200
            await rows(shared, f"ALTER TABLE threads ALTER COLUMN message_count TYPE {kind}")
        assert (await page(api, url))["metadata"] == {"kind": "integer"}
