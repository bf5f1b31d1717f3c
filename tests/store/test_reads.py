"""Where a database of SQLite is read: at once where nobody writes, else behind who does."""

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.sqlite import open_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def _read(connection: Connection) -> tuple[str, int]:
    count = connection.exec_driver_sql("SELECT count(*) FROM threads").scalar_one()
    return threading.current_thread().name, count


async def test_a_read_that_need_not_wait_is_done_on_the_event_loop(path: Path) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store") as database:
        assert await database.read(_read) == (threading.current_thread().name, 0)


async def test_a_read_that_takes_long_lets_the_loop_go_on_and_starts_again_on_a_thread(
    path: Path,
) -> None:
    def count(connection: Connection) -> tuple[str, int]:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)"
        found = connection.exec_driver_sql(f"{numbers} SELECT count(*) FROM n").scalar_one()  # noqa: S608 - no input
        return threading.current_thread().name, found

    async with open_sqlite(f"sqlite:///{path}", "store", on_loop_s=0) as database:
        read = asyncio.create_task(database.read(count))
        await asyncio.sleep(0)
        assert not read.done()
        assert await read == ("store", 2000)
        assert await database.read(_read) == (threading.current_thread().name, 0)


async def test_a_read_behind_another_program_s_write_lets_the_loop_go_on_and_then_sees_it(
    path: Path,
) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store") as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        other.execute(
            "INSERT INTO threads (id, created_at, next_position, message_count)"
            " VALUES ('thread_a', 1, 1, 0)"
        )
        read = asyncio.create_task(database.read(_read))
        await asyncio.sleep(0)
        assert not read.done()
        other.execute("COMMIT")
        other.close()
        assert await read == ("store", 1)


async def test_a_read_that_has_waited_long_enough_says_that_the_database_is_busy(
    path: Path,
) -> None:
    async with open_sqlite(f"sqlite:///{path}", "store", lock_s=0.05) as database:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseBusyError):
            await database.read(_read)
        other.close()
