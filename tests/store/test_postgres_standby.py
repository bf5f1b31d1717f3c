"""Reads from a standby of PostgreSQL: used where it is not behind, and never missed."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from functools import partial
from typing import Final

import httpx2
import pytest
from sqlalchemy import Connection

from backscroll.database.faults import StoreError
from backscroll.database.locks import writers_of
from backscroll.database.opening import open_database
from backscroll.database.port import Database
from backscroll.database.postgres_address import parse
from backscroll.database.postgres_opening import open_postgres
from backscroll.database.postgres_standby import reading_from
from backscroll.store.app import open_store
from backscroll.store.search import rows
from backscroll.store.search.packing import Packing, pack
from backscroll.store.search.rows import BLOCK
from tests.faults.test_replicas import replica
from tests.pace import limit_s, paced_s
from tests.postgres_cluster import Cluster, cluster
from tests.store.conftest import V2
from tests.store.replicas import client_of
from tests.store.wire import add, new_thread, page, texts

PAUSE: Final = "SELECT pg_wal_replay_pause()"
PAUSED: Final = "SELECT pg_get_wal_replay_pause_state()"
RESUME: Final = "SELECT pg_wal_replay_resume()"


@pytest.fixture(scope="module")
def servers() -> Iterator[Cluster]:
    with cluster("fsync=off") as running:
        yield running


def is_standby(connection: Connection) -> bool:
    """Whether a read comes from a standby."""
    return bool(connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one())


async def until_read_from_the_standby(database: Database) -> None:
    """Read until the standby has replayed what was written, and is not resting."""
    async with asyncio.timeout(limit_s(30)):
        while not await database.read(is_standby):
            pass


async def test_a_read_comes_from_the_standby_unless_it_has_not_replayed_what_was_written(
    servers: Cluster,
) -> None:
    async with (
        open_store(servers.primary_url, standby=servers.standby_url) as store,
        client_of(store) as api,
        open_database(servers.primary_url, "store", standby=servers.standby_url) as database,
        servers.connection(servers.standby_url) as operator,
    ):
        path = f"/threads/{await new_thread(api, ('a',))}/messages"
        await until_read_from_the_standby(database)
        await operator.execute(PAUSE)
        while await operator.fetchval(PAUSED) != "paused":
            pass
        await add(api, path.split("/")[2], "b")
        # Also in another process, which did not write.
        assert not await database.read(is_standby)
        assert texts(await page(api, path)) == ["b", "a"]
        await operator.execute(RESUME)
        await until_read_from_the_standby(database)
        assert texts(await page(api, path)) == ["b", "a"]


async def test_the_primary_says_which_rows_of_the_index_are_final(servers: Cluster) -> None:
    # On a standby, a sequence is up to 32 numbers ahead.
    async with (
        open_store(servers.primary_url) as store,
        client_of(store) as api,
        open_database(servers.primary_url, "store", standby=servers.standby_url) as database,
    ):
        await new_thread(api, ("a",))
        await until_read_from_the_standby(database)
        packing = Packing()
        await pack(database, packing)
        assert packing.final == await database.read(rows.newest)


async def test_packing_the_index_costs_no_reads_from_the_standby(
    servers: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with (
        open_store(servers.primary_url) as store,
        client_of(store) as api,
        open_postgres(parse(servers.primary_url), "store") as primary,
        reading_from(parse(servers.standby_url), primary, check_s=limit_s(10)) as database,
    ):
        for _ in range(2):
            await new_thread(api, tuple(f"number {each}" for each in range(100)))
        await until_read_from_the_standby(database)
        await pack(database, Packing(packed=BLOCK, merged=(BLOCK,)))
        await until_read_from_the_standby(database)
        assert await database.read(rows.packed) == BLOCK
    assert caplog.messages == []


async def test_the_primary_says_which_transactions_are_writing(servers: Cluster) -> None:
    # A list by activity waits for them. A standby shows none of the primary's.
    async with (
        open_database(servers.primary_url, "store", standby=servers.standby_url) as database,
        servers.connection(servers.primary_url) as other,
    ):
        await until_read_from_the_standby(database)
        async with other.transaction():
            await other.execute("DELETE FROM threads WHERE position = -1")
            assert len(await database.read(partial(_writers_of, "threads"))) == 1
        assert await database.read(partial(_writers_of, "threads")) == frozenset()
        await until_read_from_the_standby(database)


def _writers_of(table: str, connection: Connection) -> frozenset[str]:
    return writers_of(connection, table)


async def test_a_server_reads_from_the_standby_that_its_setting_names(
    servers: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKSCROLL_DATABASE_READ", servers.standby_url)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backscroll'"
    async with (
        replica(servers.url) as (port, _),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", headers=V2) as api,
        servers.connection(servers.standby_url) as operator,
        asyncio.timeout(limit_s(30)),
    ):
        while not await operator.fetchval(ours):
            assert (await api.get("/threads")).status_code == 200


async def test_a_standby_that_cannot_be_used_is_not_read_for_a_while(
    servers: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        password = servers.standby_url.replace("@", "wrong@")
        for url, why in (
            ("postgresql://u@127.0.0.1:1/x", "Connection refused"),
            (f"postgresql://u@127.0.0.1:{port}/x", "did not answer within "),
            (password, "check the user and password in BACKSCROLL_DATABASE_READ"),
        ):
            standby = parse(url, "BACKSCROLL_DATABASE_READ")
            async with (
                open_postgres(parse(servers.primary_url), "store") as primary,
                reading_from(
                    standby, primary, check_s=paced_s(0.5), rest_s=limit_s(60)
                ) as database,
            ):
                caplog.clear()
                for _ in range(3):
                    assert not await database.read(is_standby)
                (record,) = caplog.records
                assert record.message.startswith("the standby is not read for ")
                assert why in record.message
        assert password.split(":")[2].split("@")[0] not in caplog.text


async def test_a_standby_that_is_back_is_read_again(servers: Cluster) -> None:
    async with (
        open_postgres(parse(servers.primary_url), "store") as primary,
        reading_from(parse(servers.standby_url), primary, rest_s=0.0) as database,
    ):
        await until_read_from_the_standby(database)
        servers.end(servers.standby, "crash")
        assert not await database.read(is_standby)
        await servers.add_standby()
        await until_read_from_the_standby(database)


async def test_a_standby_that_did_not_follow_a_promotion_is_not_read(servers: Cluster) -> None:
    async with (
        open_postgres(parse(servers.url), "store") as primary,
        reading_from(parse(servers.standby_url), primary, rest_s=0.0) as database,
    ):
        await until_read_from_the_standby(database)
        await servers.fail_over("crash")  # the standby that is read is now the primary
        assert not await database.read(is_standby)
    await servers.add_standby()
    async with (
        open_postgres(parse(servers.url), "store") as primary,
        reading_from(parse(servers.standby_url), primary) as database,
    ):
        await until_read_from_the_standby(database)


@pytest.mark.parametrize(
    ("database", "standby"),
    [("sqlite://", "postgresql://u@h/x"), ("postgresql://u@h/x", "sqlite:///x.db")],
)
async def test_only_a_postgresql_database_has_a_standby(database: str, standby: str) -> None:
    with pytest.raises(
        StoreError,
        match="BACKSCROLL_DATABASE_READ and BACKSCROLL_DATABASE must both be postgresql:// URLs",
    ):
        async with open_database(database, "store", standby=standby):
            pass
