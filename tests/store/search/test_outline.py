"""The outline of the rows answers as a look at each row would."""

import os
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Connection

from backscroll.database.opening import open_database
from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll.store.search import rows
from backscroll.store.search.outline import Outline
from backscroll.store.search.rows import BLOCK, Row
from tests.store.wire import Json, page

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


async def test_a_file_that_was_replaced_is_the_one_that_is_searched(tmp_path: Path) -> None:
    path, other = tmp_path / "store.db", tmp_path / "other.db"
    async with open_store(f"sqlite:///{other}") as store:
        await import_boats(store, created_at=1_000)
    async with open_store(f"sqlite:///{path}") as store:
        await import_boats(store, created_at=1)
        assert len(await boats_since(store, 500)) == 0
        os.replace(other, path)  # noqa: PTH105 - as a restore does it
        assert len(await boats_since(store, 500)) == 10


async def import_boats(store: Store, created_at: int) -> None:
    messages = [ImportedMessage(role="user", content="boat", created_at=created_at)] * BLOCK
    await store.import_thread(ImportedThread(key="t", created_at=1, messages=messages))


async def boats_since(store: Store, since: int) -> list[Json]:
    transport = httpx2.ASGITransport(app=store.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as api:
        found: list[Json] = (await page(api, "/search", query="boat", since=since))["data"]
    return found
