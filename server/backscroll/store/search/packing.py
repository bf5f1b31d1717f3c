"""Moves the rows of PostgreSQL's index to compressed blocks and pages, in the background.

A row in `search_rows` takes eight times as much space as in a block and in pages, and a look-up of
a common word reads many rows there. So the rows are moved in ranges of `PACKED` rows, once all rows
of the range are committed. Then pages are merged into pages of larger ranges, so that a look-up
reads few of them. Finally, the hashes of removed rows are erased from the pages.

Other processes may do the same at the same time. They take turns.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import Connection, text

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.database.locks import take_turns
from backscroll.database.port import Database
from backscroll.store.search import blocks, rows
from backscroll.store.search.postings import Page, bucket_of, page_of
from backscroll.store.search.rows import BLOCK, REMOVED, Row

PACKED: Final = 8_192
"""The default of `Packing.packed`."""
MERGED: Final = (524_288, 65_536)
"""The default of `Packing.merged`."""
PAUSE_S: Final = 0.01
"""The pause between two transactions, in seconds."""
_READ_ROWS: Final = 1_024
_BUCKETS: Final = 8
"""How many buckets a transaction merges or erases at a time."""
BLOATED_BYTES: Final = 16_777_216
"""The default of `Packing.bloated_bytes`."""

_LAST: Final = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM search_rows_id_seq"
_RUNNING: Final = (
    "SELECT CAST(CAST(pg_snapshot_xmin(own) AS TEXT) AS BIGINT),"
    " CAST(CAST(pg_snapshot_xmax(own) AS TEXT) AS BIGINT) FROM pg_current_snapshot() AS own"
)
_FIRST: Final = text("SELECT min(id) FROM search_rows WHERE id > :after")
_READ: Final = text(
    "SELECT id, CAST(CAST(xmin AS TEXT) AS BIGINT), owner, created_at, position, scope, length,"
    " role, version, terms FROM search_rows WHERE id > :after AND id <= :last ORDER BY id"
)
_LOCK: Final = text(
    "SELECT id, CAST(CAST(xmin AS TEXT) AS BIGINT) FROM search_rows"
    " WHERE id > :after AND id <= :last ORDER BY id FOR UPDATE"
)
_MOVED: Final = text("DELETE FROM search_rows WHERE id > :after AND id <= :last")
_ADD_BLOCKS: Final = text(
    "INSERT INTO search_blocks (block, rows)"
    " SELECT * FROM unnest(CAST(:blocks AS BIGINT[]), CAST(:rows AS BYTEA[]))"
)
_ADD_PAGES: Final = text(
    "INSERT INTO search_pages (bucket, last, after, page) SELECT bucket, last, after, page"
    " FROM unnest(CAST(:buckets AS INTEGER[]), CAST(:lasts AS BIGINT[]),"
    " CAST(:afters AS BIGINT[]), CAST(:pages AS BYTEA[])) AS given (bucket, last, after, page)"
)
_UNMERGED: Final = text(
    "SELECT bucket, (last - 1) / :size AS range FROM search_pages"
    " WHERE last <= :complete AND last - after < :size"
    " GROUP BY bucket, range HAVING count(*) > 1 ORDER BY range, bucket LIMIT :most"
)
_TAKE_PAGES: Final = text(
    "DELETE FROM search_pages WHERE bucket = ANY(CAST(:buckets AS INTEGER[]))"
    " AND last > :low AND after < :high RETURNING bucket, last, after, page"
)
_REMOVED: Final = text(
    "SELECT bucket, row, hash FROM search_removed WHERE bucket IN"
    " (SELECT bucket FROM search_removed GROUP BY bucket ORDER BY bucket LIMIT :most)"
    " ORDER BY bucket"
)
_ERASED: Final = text(
    "DELETE FROM search_removed USING unnest(CAST(:buckets AS INTEGER[]),"
    " CAST(:rows AS BIGINT[]), CAST(:hashes AS INTEGER[])) AS given (bucket, row, hash)"
    " WHERE search_removed.bucket = given.bucket AND search_removed.row = given.row"
    " AND search_removed.hash = given.hash"
)
_BYTES: Final = "SELECT pg_total_relation_size('search_rows')"

_Stored: TypeAlias = tuple[int, int, int, bytes]
"""A page in the table: its bucket, its last row, the row that it begins after, and its content."""


class Range(NamedTuple):
    """The next rows to move.

    Attributes:
        after: the range begins after this row.
        last: the last row of the range.
        rows: the rows, as `_READ` returns them.
    """

    after: int
    last: int
    rows: Sequence[Sequence[Any]]


@dataclass(slots=True)
class Packing:
    """Moves rows at each check, if there are enough.

    Rows get their numbers before they are committed. A check notes the last number, and which
    transactions are running. Once these have ended, no row with that number or a lower one can be
    committed any more.

    Attributes:
        packed: how many rows are moved at a time; a multiple of `rows.BLOCK`.
        merged: the ranges of rows of merged pages. Each is a multiple of the next, and of `packed`.
        bloated_bytes: if few rows are left in `search_rows` and it is larger than this, it is
            written anew.
        final: no more rows are committed with this number or a lower one.
        noted: the last number, and the transaction id that those then running are below.
    """

    packed: int = PACKED
    merged: Sequence[int] = MERGED
    bloated_bytes: int = BLOATED_BYTES
    final: int = 0
    noted: tuple[int, int] | None = None

    async def check(self, database: Database, pause_s: float = PAUSE_S) -> None:
        """Move rows, merge pages and erase removed rows, if that is due.

        Args:
            database: a database on PostgreSQL.
            pause_s: the pause between two transactions, in seconds.
        """
        with suppress(NothingWrittenError, CommitUnknownError):  # the next check goes on
            await self._note(database)
            await _repeat(partial(self._move, database), pause_s)
            for size in self.merged:
                await _repeat(partial(database.write, partial(merge, size=size)), pause_s)
            await _repeat(partial(database.write, erase), pause_s)
            await database.write(partial(_shrink, most=self.bloated_bytes))

    async def _note(self, database: Database) -> None:
        def note(connection: Connection) -> tuple[int, int, int]:
            last: int = connection.exec_driver_sql(_LAST).scalar_one()
            oldest, newest = connection.exec_driver_sql(_RUNNING).one()
            return last, oldest, newest

        last, oldest, newest = await database.read(note)
        if self.noted is not None and oldest >= self.noted[1]:
            self.final, self.noted = self.noted[0], None
        self.noted = self.noted or (last, newest)

    async def _move(self, database: Database) -> bool:
        """Move the next rows, and return whether there are not enough of them."""
        found = await database.read(partial(_next, final=self.final, size=self.packed))
        if found is None:
            return True
        made = await asyncio.to_thread(_pages, found)
        await database.write(partial(_store, found=found, pages=made))
        return False


async def pack(database: Database, packing: Packing | None = None) -> None:
    """Move all rows that can be moved, and merge and erase, without waiting for a next check.

    Args:
        database: a database on PostgreSQL. While another transaction writes, nothing is moved.
        packing: how to move them.
    """
    packing = packing or Packing()
    for _ in range(2):
        await packing.check(database, 0)


def merge(connection: Connection, size: int) -> bool:
    """Merge the pages of some buckets into pages of `size` rows, and return whether all are."""
    take_turns(connection, "search pages")
    complete = rows.packed(connection) // size * size
    bound = {"complete": complete, "size": size, "most": _BUCKETS}
    unmerged = connection.execute(_UNMERGED, bound).all()
    if not unmerged:
        return True
    [(_, within)] = unmerged[:1]
    buckets = [bucket for bucket, range_ in unmerged if range_ == within]
    taken = _taken(connection, buckets, within * size, (within + 1) * size)
    _add_pages(connection, [_joined(bucket, pages) for bucket, pages in taken.items()])
    return False


def erase(connection: Connection) -> bool:
    """Erase the hashes of removed rows from some pages, and return whether all are erased."""
    take_turns(connection, "search pages")
    found = connection.execute(_REMOVED, {"most": _BUCKETS}).all()
    for bucket, removed in groupby(found, key=itemgetter(0)):
        dead: defaultdict[int, set[int]] = defaultdict(set)
        for _, row, hashed in removed:
            dead[hashed].add(row)
        every = set().union(*dead.values())
        pages = _taken(connection, [bucket], min(every) - 1, max(every))
        _add_pages(connection, [_without(page, dead) for page in pages.get(bucket, ())])
    columns = [list(column) for column in zip(*found, strict=True)]
    if columns:
        names = ("buckets", "rows", "hashes")
        connection.execute(_ERASED, dict(zip(names, columns, strict=True)))
    return not found


def _next(connection: Connection, final: int, size: int) -> Range | None:
    after = rows.packed(connection)
    first = connection.scalar(_FIRST, {"after": after})
    if first is None:
        return None
    after = max(after, (first - 1) // size * size)  # numbers are not used again if all are removed
    last = (after // size + 1) * size
    if last > final:
        return None
    found: list[Sequence[Any]] = []
    for start in range(after, last, _READ_ROWS):
        bound = {"after": start, "last": min(start + _READ_ROWS, last)}
        found += connection.execute(_READ, bound).all()
    return Range(after, last, found)


def _pages(found: Range) -> list[_Stored]:
    """Return the pages of a range."""
    by_bucket: defaultdict[int, defaultdict[int, list[int]]]
    by_bucket = defaultdict(lambda: defaultdict(list))
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for row, *_, hashes in reversed(found.rows):
        for hashed in set(hashes):
            rows_of[hashed].append(row)
    for hashed, members in rows_of.items():
        by_bucket[bucket_of(hashed)][hashed] = members
    return [
        (bucket, found.last, found.after, page_of(found.last, postings))
        for bucket, postings in by_bucket.items()
    ]


def _store(connection: Connection, found: Range, pages: Sequence[_Stored]) -> None:
    """Move rows, unless they have changed since they were read."""
    take_turns(connection, "search pages")
    bound = {"after": found.after, "last": found.last}
    locked = connection.execute(_LOCK, bound).all()
    same = [(row, written) for row, written, *_ in found.rows] == [tuple(each) for each in locked]
    if not same or rows.packed(connection) > found.after:
        return
    data = {each[0]: Row(*each[2:-1]) for each in found.rows}
    numbers = range(found.after // BLOCK, found.last // BLOCK)
    made = [
        blocks.pack([data.get(number * BLOCK + at, REMOVED) for at in range(1, BLOCK + 1)])
        for number in numbers
    ]
    connection.execute(_ADD_BLOCKS, {"blocks": list(numbers), "rows": made})
    _add_pages(connection, pages)
    connection.execute(_MOVED, bound)


def _taken(
    connection: Connection, buckets: Sequence[int], low: int, high: int
) -> dict[int, list[_Stored]]:
    """Remove and return the pages of buckets with rows above `low` and up to `high`."""
    taken: defaultdict[int, list[_Stored]] = defaultdict(list)
    bound = {"buckets": list(buckets), "low": low, "high": high}
    for page in connection.execute(_TAKE_PAGES, bound):
        taken[page[0]].append(tuple(page))
    return taken


def _add_pages(connection: Connection, pages: Iterable[_Stored | None]) -> None:
    columns = [list(column) for column in zip(*filter(None, pages), strict=True)]
    if columns:
        names = ("buckets", "lasts", "afters", "pages")
        connection.execute(_ADD_PAGES, dict(zip(names, columns, strict=True)))


def _joined(bucket: int, pages: Iterable[_Stored]) -> _Stored:
    postings: defaultdict[int, list[int]] = defaultdict(list)
    ordered = sorted(pages, key=itemgetter(1), reverse=True)
    for _, last, _, stored in ordered:
        for hashed, members in Page(last, stored).postings().items():
            postings[hashed] += members
    last = ordered[0][1]
    return bucket, last, ordered[-1][2], page_of(last, postings)


def _without(page: _Stored, dead: Mapping[int, set[int]]) -> _Stored | None:
    """Return a page without some rows; None if nothing is left."""
    bucket, last, after, stored = page
    postings = Page(last, stored).postings()
    for hashed in dead.keys() & postings.keys():
        postings[hashed] = [row for row in postings[hashed] if row not in dead[hashed]]
    left = {hashed: members for hashed, members in postings.items() if members}
    return (bucket, last, after, page_of(last, left)) if left else None


def _shrink(connection: Connection, most: int) -> None:
    """Write `search_rows` anew if it is far larger than the rows that are left need.

    Otherwise it would keep its size, because the rows that are left are at the end of its file. And
    a GIN index never shrinks.
    """
    few = rows.newest(connection) - rows.packed(connection) < 2 * PACKED
    if few and connection.exec_driver_sql(_BYTES).scalar_one() > most:
        connection.exec_driver_sql("CLUSTER search_rows USING search_rows_pkey")


async def _repeat(step: Callable[[], Awaitable[bool]], pause_s: float) -> None:
    """Take steps until one returns that all is done."""
    done = await step()
    while not done:
        await asyncio.sleep(pause_s)
        done = await step()
