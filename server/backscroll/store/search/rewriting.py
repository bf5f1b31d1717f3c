"""Rewrites pages of PostgreSQL's index: merges them, and erases the hashes of removed rows.

A page of a common word takes tens of milliseconds to rewrite. So pages are read in one transaction,
rewritten in a worker thread, and replaced in another transaction, unless they have changed in the
meantime. Other calls of the process go on while pages are rewritten.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import groupby

from backscroll.database.port import Database
from backscroll.store.pace import PAUSE_S
from backscroll.store.search import pages, rows
from backscroll.store.search.pages import Removed, StoredPage
from backscroll.store.search.postings import Page, page_of


async def merge_some(database: Database, size: int, first: int) -> int | None:
    """Merge a few pages into pages of `size` rows.

    Args:
        database: a database on PostgreSQL.
        size: the number of rows.
        first: the first bucket to look at.

    Returns:
        The first bucket to look at next; None if all pages that can be merged are merged.

    Raises:
        OperatorError: as in `Database.write`.
    """
    found = await database.read(partial(pages.unmerged, size=size, first=first))
    if not found:
        return None
    made = await asyncio.to_thread(_merged, found, size)
    is_replaced = await database.write(partial(pages.replace, old=found, new=made))
    return found[-1].bucket if is_replaced else first


async def erase_removed(database: Database, pause_s: float = PAUSE_S) -> None:
    """Erase the hashes of all removed rows from pages. On SQLite, there is nothing to do.

    Args:
        database: the database.
        pause_s: the pause between two transactions that write, in seconds.

    Raises:
        OperatorError: as in `Database.write`. What was erased before stays erased.
    """
    if not await database.read(rows.is_postgres):
        return
    while True:
        found, removed = await database.read(pages.removed)
        if not removed:
            return
        made = await asyncio.to_thread(_without, found, removed)
        await database.write(partial(pages.replace, old=found, new=made, erased=removed))
        await asyncio.sleep(pause_s)


def _merged(found: Sequence[StoredPage], size: int) -> list[StoredPage]:
    """Return a page for all pages of a bucket in the same range of `size` rows."""
    ranges = groupby(found, key=lambda page: (page.bucket, (page.last - 1) // size))
    return [_joined(list(members)) for _, members in ranges]


def _joined(members: Sequence[StoredPage]) -> StoredPage:
    postings: defaultdict[int, list[int]] = defaultdict(list)
    for each in reversed(members):
        for hashed, having in Page(each.last, each.page).postings().items():
            postings[hashed] += having
    last = members[-1]
    return StoredPage(last.bucket, last.last, members[0].after, page_of(last.last, postings))


def _without(found: Iterable[StoredPage], removed: Iterable[Removed]) -> list[StoredPage]:
    """Return pages without the hashes of removed rows. Pages that become empty are left out."""
    having: defaultdict[int, set[int]] = defaultdict(set)
    for each in removed:
        having[each.hashed].add(each.row)
    left = []
    for stored in found:
        page = Page(stored.last, stored.page).without(having)
        if page is not None:
            left.append(stored._replace(page=page))
    return left
