"""PostgreSQL opened: what it is asked to promise, and what is refused in one line."""

import asyncio
import gc
import logging
import socket
import sys
import traceback
from typing import Any

import asyncpg
import httpx2
import pytest
from sqlalchemy import Connection, Engine, event, func, select

from backscroll.database import postgres_address, postgres_opening
from backscroll.database.faults import DatabaseBusyError, DatabaseUnavailableError, StoreError
from backscroll.database.opening import open_database
from backscroll.database.postgres_connecting import connect
from backscroll.database.postgres_opening import open_postgres
from backscroll.database.postgres_session import Session
from backscroll.database.schema import version_table
from backscroll.settings.installation import how_to_add
from backscroll.store.app import Store, open_store
from tests.pace import paced_s
from tests.pgbouncer import PROGRAM, pooled
from tests.postgres import PostgresServer, at_port
from tests.server import command_line
from tests.store.pooling import pooling
from tests.store.replicas import client, rows
from tests.store.wire import add, error, is_of_background, new_thread, page, texts


async def _refusal(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        async with open_store(url):
            pass
    line = str(caught.value)
    assert "\n" not in line
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))
    return line


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("postgresql://u:hunter2@127.0.0.1:port/x", "the host or port of this URL is invalid"),
        ("postgresql://u:hunter2@127.0.0.1:99999/x", "the host or port of this URL is invalid"),
        ("postgresql://u:hunter2@[::1/x", "the host or port of this URL is invalid"),
        ("postgresql://u:p@ss/hunter2@127.0.0.1/x", "user and password as %2F"),
        ("postgresql://u:hunter2@a:1,b:port/x", "the host or port of this URL is invalid"),
        ("postgresql://u:hunter2@127.0.0.1:1,localhost:1/x", "127.0.0.1:1,localhost:1/x cannot be"),
        ("postgresql://u:hunter2#1@127.0.0.1/x", "the host or port of this URL is invalid"),
        ("postgresql://u:hunter2@127.0.0.1/x?sslmode=maybe", "its parameters are invalid"),
        ("postgresql://u:hunter2@127.0.0.1:1/x", "cannot be reached: Connection refused"),
        ("postgresql://u:hunter2@nowhere.invalid/x", "cannot be reached: no such host"),
    ],
)
async def test_a_url_that_leads_nowhere_is_refused_in_one_line_without_its_password(
    url: str, line: str
) -> None:
    assert line in await _refusal(url)


async def test_a_server_that_refuses_is_refused_in_one_line_without_its_password(
    postgres: PostgresServer,
) -> None:
    at = f"127.0.0.1:{postgres.direct.port}"
    assert await _refusal(f"postgresql://postgres:hunter2@{at}/postgres") == (
        f"postgresql://{at}/postgres rejects the password: check the user and password in "
        "BACKSCROLL_DATABASE"
    )
    assert await _refusal(postgres.direct.url("missing")) == (
        f"postgresql://{at}/missing does not exist: create it (CREATE DATABASE), or name "
        "another database"
    )


@pytest.mark.parametrize("mode", ["session", "transaction", "transaction, with names"])
async def test_a_pooler_in_between_serves(postgres: PostgresServer, shared: str, mode: str) -> None:
    by_transaction, renames = mode != "session", "names" in mode
    async with pooling(postgres.port, by_transaction=by_transaction, renames=renames) as pooled:
        url = at_port(shared, pooled)
        async with client(url) as first, client(url) as second:
            thread_id = await new_thread(first, ("a",))
            path = f"/threads/{thread_id}/messages"
            await asyncio.gather(*(add(api, thread_id, "b") for api in (first, second) * 5))
            assert texts(await page(second, path)) == [*"bbbbbbbbbb", "a"]
        assert "refuses the connection, as PgBouncer does for a wrong password" in await _refusal(
            f"{url}?jit=off"
        )


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
async def test_pgbouncer_serves_unless_it_allows_no_transactions(
    postgres: PostgresServer, shared: str
) -> None:
    for mode in ("session", "transaction"):
        with pooled(postgres.direct, mode) as behind:
            async with client(at_port(shared, behind.port)) as api:
                path = f"/threads/{await new_thread(api, ('a',))}/messages"
                await asyncio.gather(*(add(api, path.split("/")[2], "b") for _ in range(10)))
                assert texts(await page(api, path)) == [*"bbbbbbbbbb", "a"]
    with pooled(postgres.direct, "statement") as behind:
        line = await _refusal(at_port(shared, behind.port))
        assert (
            "is behind a connection pooler, such as PgBouncer, that allows no transactions" in line
        )


async def test_behind_a_pooler_a_transaction_has_its_own_settings_and_leaves_none(
    postgres: PostgresServer, shared: str
) -> None:
    def settings(connection: Connection) -> tuple[str, ...]:
        shown = ("synchronous_commit", "transaction_isolation", "lock_timeout", "statement_timeout")
        return tuple(
            connection.exec_driver_sql(f"SHOW {setting}").scalar_one() for setting in shown
        )

    name = shared.rpartition("/")[2]
    await rows(shared, f"ALTER DATABASE {name} SET synchronous_commit = off")
    async with pooling(postgres.port, by_transaction=True) as pooled:
        url = at_port(shared, pooled)
        async with open_database(url, "store") as database:
            for run in (database.write, database.read):
                assert await run(settings) == ("on", "read committed", "100ms", "30s")
        other = await asyncpg.connect(url)
        prepared = "SELECT count(*) FROM pg_prepared_statements"
        assert await other.fetchval(prepared) == 1  # its own
        assert await other.fetchval("SHOW lock_timeout") == "0"
        other.terminate()


async def test_of_several_servers_the_one_that_can_be_written_to_is_used(
    postgres: PostgresServer, shared: str
) -> None:
    gone = shared.replace("@", "@127.0.0.1:1,")
    async with client(gone) as api:
        assert (await page(api, f"/threads/{await new_thread(api)}/messages"))["data"] == []
    server = f"127.0.0.1:{postgres.direct.port}"
    direct = at_port(shared, postgres.direct.port)
    read_only = direct.replace("@", f"@{server},") + "?default_transaction_read_only=on"
    line = await _refusal(read_only)
    assert line.startswith(f"postgresql://{server},{server}/test_")
    assert "names no server that target_session_attrs allows" in line
    assert "is a standby or read-only" in await _refusal(f"{read_only}&target_session_attrs=any")


async def test_a_server_that_does_not_answer_delays_no_connection_to_the_next(
    shared: str,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with client(shared.replace("@", f"@127.0.0.1:{silent.getsockname()[1]},")) as api:
            path = f"/threads/{await new_thread(api, ('a',))}/messages"
            assert texts(await page(api, path)) == ["a"]


async def test_a_role_that_may_make_no_table_is_told_so(postgres: PostgresServer) -> None:
    async with postgres.database(empty=True) as url:
        await rows(url, "CREATE ROLE guest LOGIN PASSWORD 'p@ss/w#rd%'")
        guest = url.replace(f"postgres:{postgres.password}", "guest:p%40ss%2Fw%23rd%25")
        assert "GRANT it CREATE on the schema" in await _refusal(guest)
        await rows(url, "GRANT CREATE ON SCHEMA public TO guest")
        async with client(guest) as api:
            await new_thread(api)
        await rows(url, "DROP OWNED BY guest CASCADE")
        await rows(url, "DROP ROLE guest")


async def test_another_program_s_database_is_refused_and_left_alone(
    postgres: PostgresServer,
) -> None:
    async with postgres.database(empty=True) as url:
        await rows(url, "CREATE TABLE bookmarks (url TEXT)")
        assert "has tables of another program" in await _refusal(url)
        tables = await rows(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert tables == [("bookmarks",)]


async def test_a_database_that_cannot_hold_every_text_is_refused(postgres: PostgresServer) -> None:
    name = "test_latin"
    url = postgres.url()
    await rows(url, f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0")
    assert "has the encoding LATIN1; the store needs UTF8" in await _refusal(postgres.url(name))
    await rows(url, f"DROP DATABASE {name} WITH (FORCE)")


def test_a_command_says_in_one_line_what_is_wrong_with_the_database(
    postgres: PostgresServer,
) -> None:
    url = f"postgresql://postgres:hunter2@127.0.0.1:{postgres.direct.port}/postgres"
    for arguments in (["export"], ["import", "-"], ["store", "--port", "0"]):
        done = command_line.backscroll(url, *arguments)
        assert done.exit_code == 2, done.stderr
        assert "rejects the password" in done.stderr
        assert done.stderr.count("\n") == 1
        assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("library", ["asyncpg", "greenlet"])
async def test_without_its_driver_it_is_said_how_to_install_it(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "backscroll.database.postgres", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    line = await _refusal("postgresql://u:hunter2@127.0.0.1/x")
    assert line == (
        "BACKSCROLL_DATABASE is a postgresql:// URL, but its driver is not installed. "
        f"To install it: {how_to_add('postgres')}"
    )


async def test_the_password_is_in_no_log_and_no_representation(
    shared: str, postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with open_postgres(postgres_address.parse(shared), "store") as database:
        shown = [repr(database), *map(repr, vars(database).values())]
        await database.read(lambda connection: connection.scalar(select(version_table.c.version)))
    assert postgres.password not in caplog.text + "".join(shown)
    assert postgres.password not in repr(postgres_address.parse(shared))


@pytest.mark.parametrize(
    ("given", "kept"), [("off", "on"), ("local", "on"), ("on", "on"), ("remote_apply",) * 2]
)
async def test_an_acknowledged_write_is_on_disk_whatever_the_role_was_set_to(
    shared: str, given: str, kept: str
) -> None:
    name = shared.rpartition("/")[2]
    await rows(shared, f"ALTER DATABASE {name} SET synchronous_commit = {given}")

    def settings(connection: Connection) -> tuple[str, ...]:
        shown = ("synchronous_commit", "transaction_isolation", "lock_timeout", "statement_timeout")
        return tuple(
            connection.exec_driver_sql(f"SHOW {setting}").scalar_one() for setting in shown
        )

    async with open_database(shared, "store") as database:
        assert await database.write(settings) == (kept, "read committed", "100ms", "30s")
        assert (await database.read(settings))[0] == kept


async def test_no_more_connections_are_opened_than_allowed_and_none_is_waited_for_for_ever(
    shared: str,
) -> None:
    def hold(connection: Connection) -> int:
        connection.execute(select(func.pg_sleep(paced_s(0.5))))
        return 1

    address = postgres_address.parse(shared)
    async with open_postgres(address, "store", pool_wait_s=paced_s(0.1)) as database:
        reads = [database.read(hold) for _ in range(postgres_opening.READERS + 5)]
        outcomes = await asyncio.gather(*reads, return_exceptions=True)
        counted = await rows(
            shared,
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = 'backscroll' AND datname = current_database()",
        )
    assert counted == [(postgres_opening.READERS,)]
    assert outcomes.count(1) == postgres_opening.READERS
    assert [type(each) for each in outcomes if each != 1] == [DatabaseBusyError] * 5


async def test_a_page_deep_in_a_thread_is_one_statement_that_walks_an_index(
    shared: str,
) -> None:
    seen: list[tuple[str, Any]] = []

    def record(*arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event has six
        if not is_of_background(arguments[2]) and "set_config" not in arguments[2]:
            seen.append((arguments[2], arguments[3]))

    async with client(shared) as api:
        thread_id = await new_thread(api)
        await rows(
            shared,
            "INSERT INTO messages (thread, position, id, created_at, role, content, attachments, "
            "metadata, status) SELECT 1, at, 'msg_' || at, 1, 'user', '[]', '[]', '{}', "
            "'completed' FROM generate_series(1, 20000) AS at",
        )
        await rows(shared, "ANALYZE")
        read: dict[str, int] = {}
        other = await asyncpg.connect(shared)
        for after in ("msg_10", "msg_19900"):
            url = f"/threads/{thread_id}/messages?order=asc&after={after}"
            event.listen(Engine, "before_cursor_execute", record)
            assert len((await page(api, url))["data"]) == 20
            event.remove(Engine, "before_cursor_execute", record)
            statement, parameters = seen.pop()
            assert seen == []
            explained = f"EXPLAIN (ANALYZE, BUFFERS) {statement}"
            plan = [row[0] for row in await other.fetch(explained, *parameters)]
            assert any("living_messages" in step for step in plan), plan
            assert not any("Sort" in step or "Seq Scan on messages" in step for step in plan), plan
            buffers = next(step for step in plan if "Buffers: shared" in step)
            read[after] = sum(
                int(part.partition("=")[2])
                for part in buffers.split()
                if part[:4] in {"hit=", "read"}
            )
        await other.close()
    assert read["msg_19900"] <= read["msg_10"] + 4, read


async def test_ids_are_told_apart_by_case_and_texts_come_back_as_they_went(
    store: Store, api: httpx2.AsyncClient
) -> None:
    del store
    text = "Grüße\u0001 \ud7ff\ufeff\u200b e\u0301 é \U0010ffff 漢字\r\n\t\\u0000 'q' \"$1\" %s :x"
    thread_id = await new_thread(api, (text,))
    assert texts(await page(api, f"/threads/{thread_id}/messages")) == [text]
    assert (await api.get(f"/threads/{thread_id.swapcase()}")).status_code in {400, 404}
    other = "thread_" + thread_id.removeprefix("thread_").swapcase()
    assert (await api.get(f"/threads/{other}")).status_code == 404


@pytest.mark.parametrize(
    "url",
    [
        "/threads/{}/messages/%00",
        "/threads/{}/messages?after=%00",
        "/threads/{}/messages?run_id=a%00",
        "/threads?after=%00",
        "/chat/completions/a%00",
        "/chat/completions?model=%00",
        "/chat/completions?metadata[a%00]=b",
        "/conversations/conv_1/items/%00",
    ],
)
async def test_what_has_a_nul_in_its_name_is_not_there_on_either_engine(
    api: httpx2.AsyncClient, url: str
) -> None:
    error(await api.get(url.format(await new_thread(api))), 404)


async def test_a_connection_that_cannot_be_prepared_is_closed(postgres: PostgresServer) -> None:
    address = postgres_address.parse(postgres.direct.url())
    with pytest.raises(DatabaseUnavailableError):
        await connect(address, Session(1, lock_s=1e12))  # more than PostgreSQL allows
    gc.collect()  # a connection that is still open is a warning, which is an error in tests
