"""A database has the tables of what uses it: of the store, of callers' tokens, or of both."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect

from backscroll.commands.token.issuing import issue, listed, new_token
from backscroll.database.faults import DatabaseFailedError
from backscroll.database.opening import open_database
from backscroll.database.schema import TABLE_SETS, TableSet
from backscroll.database.schema_version import SCHEMA_VERSION
from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedThread
from tests.store.conftest import Sql
from tests.store.differences import differences, is_ours

if TYPE_CHECKING:
    from tests.postgres import PostgresServer

VERSION = {"backscroll_schema"}
OF_STORE = VERSION | {table.name for table in TABLE_SETS["store"]}
OF_TOKENS = VERSION | {"tokens"}
THREAD = ImportedThread(key="t1", id="thread_1", created_at=7, messages=[])


@pytest.fixture
async def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """The URL of a database without tables, of either engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('empty') / 'store.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    async with server.database(empty=True) as url:
        yield url


async def names(url: str, needed: TableSet) -> set[str]:
    """Open a database for a set of tables, and return the names of all that are there."""
    async with open_database(url, needed) as database:
        found = await database.read(lambda connection: inspect(connection).get_table_names())
    return set(filter(is_ours, found))


@pytest.mark.parametrize(("needed", "made"), [("store", OF_STORE), ("tokens", OF_TOKENS)])
async def test_a_new_database_gets_the_tables_that_are_needed_and_no_others(
    database_url: str, needed: TableSet, made: set[str]
) -> None:
    assert await names(database_url, needed) == made
    assert await names(database_url, needed) == made


async def test_a_database_of_tokens_that_comes_to_serve_the_store_gets_its_tables(
    database_url: str,
) -> None:
    token = new_token("ada")
    await issue(database_url, token)
    async with open_store(database_url) as store:
        assert (await store.import_thread(THREAD)).kind == "imported"
        assert [thread async for thread in store.export_threads()] == [THREAD]
    assert await listed(database_url) == [token]
    async with open_database(database_url, "tokens") as database:
        assert await database.read(differences) == []


async def test_a_database_of_the_store_that_comes_to_hold_tokens_gets_their_table(
    database_url: str,
) -> None:
    async with open_store(database_url) as store:
        assert (await store.import_thread(THREAD)).kind == "imported"
    token = new_token("ada")
    await issue(database_url, token)
    assert await listed(database_url) == [token]
    async with open_store(database_url) as store:
        assert (await store.import_thread(THREAD)).kind == "present"
    async with open_database(database_url, "store") as database:
        assert await database.read(differences) == []


async def test_processes_that_need_different_tables_make_all_of_them_together(
    database_url: str,
) -> None:
    needed: list[TableSet] = ["store", "tokens", "store", "tokens"]
    await asyncio.gather(*(names(database_url, each) for each in needed))
    assert await names(database_url, "store") == OF_STORE | OF_TOKENS
    async with open_database(database_url, "store") as database:
        assert await database.read(differences) == []


async def test_a_database_of_tokens_alone_takes_no_migration_of_the_stores(
    database_url: str, sql: Sql
) -> None:
    token = new_token("ada")
    await issue(database_url, token)
    await sql("UPDATE backscroll_schema SET version = 3")
    assert await listed(database_url) == [token]
    assert await names(database_url, "tokens") == OF_TOKENS
    assert await sql("SELECT version FROM backscroll_schema") == [(SCHEMA_VERSION,)]


async def test_a_lost_table_is_not_made_anew_as_if_nothing_had_been_in_it(
    database_url: str, sql: Sql
) -> None:
    await names(database_url, "store")
    await sql("DROP TABLE messages")
    assert await names(database_url, "store") == OF_STORE - {"messages"}


async def test_a_file_that_was_replaced_by_one_of_tokens_alone_is_not_taken_for_the_store(
    path: Path,
) -> None:
    other = path.with_name("other.db")
    await issue(f"sqlite:///{other}", new_token("ada"))
    async with open_database(f"sqlite:///{path}", "store") as database:
        other.replace(path)
        with pytest.raises(DatabaseFailedError) as refused:
            await database.check()
    assert refused.value.trouble == "foreign"
    assert await names(f"sqlite:///{path}", "tokens") == OF_TOKENS
