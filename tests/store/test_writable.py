"""Whether a database of SQLite can be written, which is asked before a model is."""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backscroll.database.faults import DatabaseBusyError, DatabaseFailedError
from backscroll.database.sqlite import open_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def opened_elsewhere(path: Path) -> closing[sqlite3.Connection]:
    """Open the file as another program that waits for no lock."""
    return closing(sqlite3.connect(path, timeout=0, isolation_level=None))


async def test_a_database_that_can_be_written_is_found_so_at_once_and_is_not_left_locked(
    path: Path,
) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store") as database:
        asking = asyncio.create_task(database.require_writable())
        await asyncio.sleep(0)
        assert asking.done()
        await asking
        with opened_elsewhere(path) as connection:
            connection.execute("BEGIN IMMEDIATE")


async def test_the_lock_of_another_program_is_waited_for(path: Path) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store") as database:
        with opened_elsewhere(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            asking = asyncio.create_task(database.require_writable())
            await asyncio.sleep(0)
            assert not asking.done()
            # In a rollback journal, COMMIT fails if another connection reads at that moment.
            connection.execute("ROLLBACK")
            await asking


async def test_a_lock_that_is_held_for_too_long_is_said_to_be(path: Path) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store", lock_s=0.05) as database:
        with opened_elsewhere(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseBusyError):
                await database.require_writable()
        await database.require_writable()


async def test_a_file_that_is_gone_is_missed_and_found_when_it_is_back(path: Path) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store") as database:
        await database.require_writable()
        elsewhere = path.rename(path.with_name("elsewhere.db"))
        with pytest.raises(DatabaseFailedError) as failed:
            await database.require_writable()
        elsewhere.rename(path)
        await database.require_writable()
    assert failed.value.trouble == "missing"


async def test_a_database_in_memory_can_be_written() -> None:
    async with open_sqlite("sqlite://", "store") as database:
        await database.require_writable()
