"""How many messages a partition has, and how long they are, as a process remembers it."""

from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from backscroll.database.opening import open_database
from backscroll.store.search import rows
from backscroll.store.search.limits import Limits
from backscroll.store.search.rows import BLOCK, Row
from backscroll.store.search.search_page import Statistics


def some(count: int, scope: int, length: int) -> list[Row]:
    return [Row(4, 1, at, scope, length, 0, 1) for at in range(count)]


def add(connection: Connection, added: list[Row]) -> int:
    rows.append(connection, added)
    return rows.newest(connection)


async def test_each_partition_has_its_own_number_of_messages_and_mean_length(path: Path) -> None:
    statistics = Statistics()
    async with open_database(f"sqlite:///{path}", "store") as database:
        given = [*some(30, 0, 5), *some(10, 1, 20), *some(10, 0, 6)]
        high = await database.write(partial(add, added=given))
        found = [
            await database.read(partial(statistics.of, limits=Limits(scope, None, high)))
            for scope in (0, 1, 2, -1)
        ]
    assert found == [(40, 525), (10, 2_000), (0, 0), (0, 0)]


async def test_a_partition_is_counted_again_once_the_index_has_grown_by_a_tenth(path: Path) -> None:
    statistics = Statistics()
    found = []
    async with open_database(f"sqlite:///{path}", "store") as database:
        for added in (50, 5, 1):
            high = await database.write(partial(add, added=some(added, 0, added)))
            found += [await database.read(partial(statistics.of, limits=Limits(0, None, high)))]
        # The cursor of an earlier search may end before the row that was the newest since.
        found += [await database.read(partial(statistics.of, limits=Limits(0, None, 50)))]
    assert found == [(50, 5_000), (50, 5_000), (56, 4_510), (50, 5_000)]


async def test_a_large_index_is_estimated_from_a_part_of_its_rows(path: Path) -> None:
    """Of every two blocks, the first is read."""
    statistics = Statistics()
    async with open_database(f"sqlite:///{path}", "store") as database:
        high, blocks = 0, 2 * statistics.SAMPLED
        for _ in range(blocks // 2):
            added = [*some(BLOCK, 0, 5), *some(BLOCK, 1, 50)]
            high = await database.write(partial(add, added=added))
        found = [
            await database.read(partial(statistics.of, limits=Limits(scope, None, high)))
            for scope in (0, 1)
        ]
    assert found == [(blocks * BLOCK, 500), (0, 0)]
