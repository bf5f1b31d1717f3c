"""PostgreSQL receives rows while they are computed, and the process does other work meanwhile."""

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Connection

from backscroll.database.bulk import MOST_COPIED, copy
from backscroll.database.port import Database
from backscroll.store.search import terms
from backscroll.store.search.rows import Row
from tests.store.conftest import Sql

pytestmark = pytest.mark.usefixtures("on_postgres")
TABLE = "search_blocks"
COLUMNS = ("block", "rows")


async def test_other_work_goes_on_while_rows_are_copied(database: Database, sql: Sql) -> None:
    turns = 0
    seen: list[int] = []

    async def other_work() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    def rows() -> Iterator[tuple[int, bytes]]:
        for block in range(1_000):
            seen.append(turns)
            yield block, b""

    working = asyncio.create_task(other_work())
    await database.write(lambda connection: copy(connection, TABLE, COLUMNS, rows()))
    working.cancel()
    assert len(set(seen)) > 5
    assert await sql("SELECT count(*) FROM search_blocks") == [(1_000,)]


@pytest.mark.parametrize("count", [0, 999])
async def test_rows_that_cannot_be_computed_leave_none_and_the_next_write_works(
    count: int, database: Database, sql: Sql
) -> None:
    def rows() -> Iterator[tuple[int, bytes]]:
        for block in range(count):
            yield block, b""
        raise LookupError("there is no such block")

    with pytest.raises(LookupError, match="no such block"):
        await database.write(lambda connection: copy(connection, TABLE, COLUMNS, rows()))
    assert await sql("SELECT count(*) FROM search_blocks") == [(0,)]
    await database.write(lambda connection: copy(connection, TABLE, COLUMNS, [(7, b"seven")]))
    assert await sql("SELECT * FROM search_blocks") == [(7, b"seven")]


@pytest.mark.parametrize("count", [0, 1, MOST_COPIED, MOST_COPIED + 1])
async def test_any_number_of_rows_is_indexed_in_order(
    count: int, database: Database, sql: Sql
) -> None:
    def added() -> Iterator[tuple[Row, Sequence[str]]]:
        for at in range(count):
            yield Row(1, 1, at, 0, 1, 0, 1), ["boat"]

    def write(connection: Connection) -> None:
        terms.add(connection, added())

    await database.write(write)
    assert await sql("SELECT position FROM search_rows ORDER BY id") == [
        (at,) for at in range(count)
    ]
