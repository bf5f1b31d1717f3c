"""The outline of the rows answers as a look at each row would."""

from pathlib import Path

import pytest
from sqlalchemy import Connection

from backscroll.database.opening import open_database
from backscroll.store.search import rows
from backscroll.store.search.outline import Outline
from backscroll.store.search.rows import BLOCK, Row

COUNT = 3 * BLOCK + 40
REMOVED = (5, BLOCK + 1, COUNT - 1)


def row(number: int) -> Row:
    """A row whose time is neither in the order of the numbers nor unique."""
    return Row(4, number * 37 % 200, number, 0, 5, number % 3, 1)


def living(last: int = COUNT) -> dict[int, Row]:
    return {number: row(number) for number in range(1, last + 1) if number not in REMOVED}


def fill(connection: Connection) -> None:
    rows.append(connection, [row(number) for number in range(1, COUNT + 1)])
    rows.remove(connection, REMOVED)


@pytest.mark.parametrize("newest", [True, False])
@pytest.mark.parametrize("skipped", [0, 1, 150])
async def test_rows_are_in_the_order_of_time_and_a_page_begins_after_any(
    path: Path, skipped: int, newest: bool
) -> None:
    async with open_database(f"sqlite:///{path}", "store") as database:
        await database.write(fill)
        keys = sorted(((each.created_at, at) for at, each in living().items()), reverse=newest)
        after = keys[skipped - 1] if skipped else ()
        found = await database.read(
            lambda connection: list(
                Outline().by_time(connection, range(1, COUNT + 1), after, newest=newest)
            )
        )
    assert found == keys[skipped:]


@pytest.mark.parametrize(
    ("role", "since", "until"), [(1, None, None), (None, 50, 120), (2, 199, None), (0, None, 1)]
)
async def test_rows_with_a_role_and_a_time_are_those_that_have_both(
    path: Path, role: int | None, since: int | None, until: int | None
) -> None:
    outline = Outline()

    def admitted(connection: Connection) -> set[int]:
        last = rows.newest(connection)
        found = outline.admitted(connection, range(1, last + 1), role, since, until)
        return set(rows.read(connection, list(found)))

    def expected(last: int) -> set[int]:
        return {
            number
            for number, each in living(last).items()
            if role in {None, each.role} and (since or 0) <= each.created_at < (until or 1_000)
        }

    async with open_database(f"sqlite:///{path}", "store") as database:
        await database.write(fill)
        assert await database.read(admitted) == expected(COUNT)
        more = [row(number) for number in range(COUNT + 1, COUNT + 2 * BLOCK)]
        await database.write(lambda connection: rows.append(connection, more))
        assert await database.read(admitted) == expected(COUNT + 2 * BLOCK - 1)


async def test_rows_after_an_index_was_emptied_are_found(path: Path) -> None:
    outline = Outline()
    async with open_database(f"sqlite:///{path}", "store") as database:
        await database.write(fill)
        await database.write(rows.clear)
        added = await database.write(lambda connection: rows.append(connection, [row(1)] * BLOCK))
        found = await database.read(
            lambda connection: set(outline.admitted(connection, added, 1, None, None))
        )
    assert found == set(added)
