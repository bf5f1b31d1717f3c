"""The pages of PostgreSQL's index in the table `search_pages`: added, merged, and erased in part.

`postings` describes their content. Each function that changes pages takes turns with others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from backscroll.database.locks import take_turns
from backscroll.store.search import rows
from backscroll.store.search.postings import Page, bucket_of, page_of

_MERGED_PAGES: Final = 8
"""How many pages a transaction merges into, at most."""
_ERASED_BUCKETS: Final = 2
"""From how many buckets a transaction erases, at most. Its work delays other calls of the process,
and a page of a common word takes 10 ms and more."""

_ADD: Final = text(
    "INSERT INTO search_pages (bucket, last, after, page) SELECT bucket, last, after, page"
    " FROM unnest(CAST(:buckets AS INTEGER[]), CAST(:lasts AS BIGINT[]),"
    " CAST(:afters AS BIGINT[]), CAST(:pages AS BYTEA[])) AS given (bucket, last, after, page)"
)
_UNMERGED: Final = text(
    "SELECT bucket, (last - 1) / :size AS range FROM search_pages"
    " WHERE bucket >= :first AND last <= :complete AND last - after < :size"
    " GROUP BY bucket, range HAVING count(*) > 1 ORDER BY bucket, range LIMIT :most"
)
_TAKE: Final = text(
    "DELETE FROM search_pages USING unnest(CAST(:buckets AS INTEGER[]), CAST(:lows AS BIGINT[]),"
    " CAST(:highs AS BIGINT[])) AS given (bucket, low, high)"
    " WHERE search_pages.bucket = given.bucket AND last > low AND after < high"
    " RETURNING search_pages.bucket, last, after, page"
)
_REMOVED: Final = text(
    "SELECT bucket, row, hash FROM search_removed WHERE bucket IN"
    " (SELECT bucket FROM search_removed GROUP BY bucket ORDER BY bucket LIMIT :most)"
    " ORDER BY bucket"
)
_ANY_REMOVED: Final = text("SELECT 1 FROM search_removed LIMIT 1")
_ERASED: Final = text(
    "DELETE FROM search_removed USING unnest(CAST(:buckets AS INTEGER[]),"
    " CAST(:rows AS BIGINT[]), CAST(:hashes AS INTEGER[])) AS given (bucket, row, hash)"
    " WHERE search_removed.bucket = given.bucket AND search_removed.row = given.row"
    " AND search_removed.hash = given.hash"
)


class StoredPage(NamedTuple):
    """A row of the table.

    Attributes:
        bucket: the bucket of the hashes.
        last: the last row of the page's range.
        after: the range begins after this row.
        page: the content.
    """

    bucket: int
    last: int
    after: int
    page: bytes


def take_turn(connection: Connection) -> None:
    """Wait until no other transaction changes pages."""
    take_turns(connection, "search pages")


def pages_of(after: int, last: int, postings: Mapping[int, Sequence[int]]) -> list[StoredPage]:
    """Return the pages of a range.

    Args:
        after: the range begins after this row.
        last: the last row of the range.
        postings: for each hash, the rows that have it, in ascending order. A row is given by its
            distance from `after`.
    """
    by_bucket: defaultdict[int, dict[int, Sequence[int]]] = defaultdict(dict)
    for hashed, members in postings.items():
        by_bucket[bucket_of(hashed)][hashed] = members[::-1]
    return [
        StoredPage(bucket, last, after, page_of(last - after, members))
        for bucket, members in by_bucket.items()
    ]


def add(connection: Connection, pages: Iterable[StoredPage]) -> None:
    """Add pages. Take a turn before."""
    columns = [list(column) for column in zip(*pages, strict=True)]
    if columns:
        names = ("buckets", "lasts", "afters", "pages")
        connection.execute(_ADD, dict(zip(names, columns, strict=True)))


def merge(connection: Connection, size: int, first: int) -> int | None:
    """Merge a few pages into pages of `size` rows.

    Args:
        connection: a connection in a write transaction.
        size: the number of rows.
        first: the first bucket to look at.

    Returns:
        The first bucket to look at next; None if all pages that can be merged are merged.
    """
    take_turn(connection)
    complete = rows.packed(connection) // size * size
    bound = {"first": first, "complete": complete, "size": size, "most": _MERGED_PAGES}
    unmerged = connection.execute(_UNMERGED, bound).all()
    if not unmerged:
        return None
    ranges = [(bucket, within * size, (within + 1) * size) for bucket, within in unmerged]
    merged = []
    for bucket, pages in groupby(_taken(connection, ranges), key=itemgetter(0)):
        parts = groupby(pages, key=lambda page: (page.last - 1) // size)
        merged += [_joined(bucket, list(members)) for _, members in parts]
    add(connection, merged)
    return int(unmerged[-1][0])


def has_removed(connection: Connection) -> bool:
    """Whether pages have hashes of removed rows that must still be erased."""
    return connection.execute(_ANY_REMOVED).first() is not None


def erase(connection: Connection) -> bool:
    """Erase the hashes of removed rows from some pages, and return whether all are erased."""
    take_turn(connection)
    found = connection.execute(_REMOVED, {"most": _ERASED_BUCKETS}).all()
    if not found:
        return True
    dead: defaultdict[int, set[int]] = defaultdict(set)
    for _, row, hashed in found:
        dead[hashed].add(row)
    ranges = []
    for bucket, removed in groupby(found, key=itemgetter(0)):
        members = [row for _, row, _ in removed]
        ranges.append((bucket, min(members) - 1, max(members)))
    left = (_without(page, dead) for page in _taken(connection, ranges))
    add(connection, [page for page in left if page is not None])
    columns = [list(column) for column in zip(*found, strict=True)]
    connection.execute(_ERASED, dict(zip(("buckets", "rows", "hashes"), columns, strict=True)))
    return False


def _taken(connection: Connection, ranges: Sequence[tuple[int, int, int]]) -> list[StoredPage]:
    """Remove and return pages, in the order of their buckets and rows.

    Args:
        connection: a connection in a write transaction.
        ranges: for each range, the bucket, the row that it begins after, and its last row.
    """
    columns = [list(column) for column in zip(*ranges, strict=True)]
    bound = dict(zip(("buckets", "lows", "highs"), columns, strict=True))
    return sorted(StoredPage(*page) for page in connection.execute(_TAKE, bound))


def _joined(bucket: int, pages: Sequence[StoredPage]) -> StoredPage:
    """Return one page with the postings of consecutive pages."""
    postings: defaultdict[int, list[int]] = defaultdict(list)
    for each in reversed(pages):
        for hashed, members in Page(each.last, each.page).postings().items():
            postings[hashed] += members
    last = pages[-1].last
    return StoredPage(bucket, last, pages[0].after, page_of(last, postings))


def _without(stored: StoredPage, dead: Mapping[int, set[int]]) -> StoredPage | None:
    """Return a page without some rows; None if nothing is left."""
    postings = Page(stored.last, stored.page).postings()
    for hashed in dead.keys() & postings.keys():
        postings[hashed] = [row for row in postings[hashed] if row not in dead[hashed]]
    left = {hashed: members for hashed, members in postings.items() if members}
    return stored._replace(page=page_of(stored.last, left)) if left else None
