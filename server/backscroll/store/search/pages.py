"""The pages of PostgreSQL's index in the table `search_pages`: added, read and replaced.

`postings` describes their content, and `rewriting` decides by what they are replaced. Functions
that change pages take turns.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import Connection, text

from backscroll.database.locks import take_turns
from backscroll.store.search import rows
from backscroll.store.search.postings import bucket_of, page_of

_MERGED: Final = 8
"""Into how many pages others are merged at a time, at most."""
_ERASED: Final = 16
"""From how many pages hashes are erased at a time, at most."""
_HASHES: Final = 1_024
"""How many hashes are erased at a time, at most."""

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
_REMOVED: Final = text(
    "SELECT bucket, row, hash FROM search_removed ORDER BY bucket, row LIMIT :most"
)
_WITH_REMOVED: Final = text(
    "SELECT DISTINCT search_pages.bucket, after, last FROM search_pages"
    " JOIN unnest(CAST(:buckets AS INTEGER[]), CAST(:rows AS BIGINT[])) AS given (bucket, row)"
    " ON search_pages.bucket = given.bucket AND last >= row AND after < row"
    " ORDER BY search_pages.bucket, last LIMIT :most"
)
_READ: Final = text(
    "SELECT search_pages.bucket, last, after, page,"
    " CAST(CAST(search_pages.xmin AS TEXT) AS BIGINT) AS version FROM search_pages"
    " JOIN unnest(CAST(:buckets AS INTEGER[]), CAST(:lows AS BIGINT[]), CAST(:highs AS BIGINT[]))"
    " AS given (bucket, low, high)"
    " ON search_pages.bucket = given.bucket AND last > low AND after < high"
    " ORDER BY search_pages.bucket, last"
)
_LOCK: Final = text(
    "SELECT search_pages.bucket FROM search_pages"
    " JOIN unnest(CAST(:buckets AS INTEGER[]), CAST(:lasts AS BIGINT[]),"
    " CAST(:versions AS BIGINT[])) AS given (bucket, last, version)"
    " ON search_pages.bucket = given.bucket AND search_pages.last = given.last"
    " AND CAST(CAST(search_pages.xmin AS TEXT) AS BIGINT) = version FOR UPDATE OF search_pages"
)
_DELETE: Final = text(
    "DELETE FROM search_pages USING unnest(CAST(:buckets AS INTEGER[]), CAST(:lasts AS BIGINT[]))"
    " AS given (bucket, last)"
    " WHERE search_pages.bucket = given.bucket AND search_pages.last = given.last"
)
_ERASE: Final = text(
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
        version: the transaction that wrote it; 0 if it is not written yet.
    """

    bucket: int
    last: int
    after: int
    page: bytes
    version: int = 0


class Removed(NamedTuple):
    """A hash of a row that was removed or changed, which is still to be erased from its page."""

    bucket: int
    row: int
    hashed: int


_Range: TypeAlias = tuple[int, int, int]
"""A bucket, the row that the range begins after, and its last row."""


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
    columns = [list(column) for column in zip(*(page[:-1] for page in pages), strict=True)]
    if columns:
        names = ("buckets", "lasts", "afters", "pages")
        connection.execute(_ADD, dict(zip(names, columns, strict=True)))


def unmerged(connection: Connection, size: int, first: int) -> list[StoredPage]:
    """Return the next pages to merge, in the order of their buckets and rows.

    Args:
        connection: a connection.
        size: the number of rows of merged pages.
        first: the first bucket to look at.
    """
    complete = rows.packed(connection) // size * size
    bound = {"first": first, "complete": complete, "size": size, "most": _MERGED}
    found = connection.execute(_UNMERGED, bound).all()
    return _read(connection, [(each, at * size, (at + 1) * size) for each, at in found])


def removed(connection: Connection) -> tuple[list[StoredPage], list[Removed]]:
    """Return the next hashes to erase, and all pages that have them."""
    found = [Removed(*each) for each in connection.execute(_REMOVED, {"most": _HASHES})]
    if not found:
        return [], []
    bound = {
        "buckets": [each.bucket for each in found],
        "rows": [each.row for each in found],
        "most": _ERASED,
    }
    ranges: list[_Range] = [
        (bucket, after, last) for bucket, after, last in connection.execute(_WITH_REMOVED, bound)
    ]
    if len(ranges) == _ERASED:  # the others are not read yet
        bucket, _, last = ranges[-1]
        found = [each for each in found if (each.bucket, each.row) <= (bucket, last)]
    return _read(connection, ranges), found


def replace(
    connection: Connection,
    old: Sequence[StoredPage],
    new: Iterable[StoredPage],
    erased: Sequence[Removed] = (),
) -> bool:
    """Replace pages, unless they have changed since they were read. Return whether they are.

    Args:
        connection: a connection in a write transaction.
        old: the pages as they were read.
        new: the pages that replace them.
        erased: the hashes that `old` has and `new` has not.
    """
    take_turn(connection)
    bound = {
        "buckets": [each.bucket for each in old],
        "lasts": [each.last for each in old],
        "versions": [each.version for each in old],
    }
    if len(connection.execute(_LOCK, bound).all()) < len(old):
        return False
    del bound["versions"]
    connection.execute(_DELETE, bound)
    add(connection, new)
    columns = [list(column) for column in zip(*erased, strict=True)]
    if columns:
        names = ("buckets", "rows", "hashes")
        connection.execute(_ERASE, dict(zip(names, columns, strict=True)))
    return True


def _read(connection: Connection, ranges: Sequence[_Range]) -> list[StoredPage]:
    if not ranges:
        return []
    columns = [list(column) for column in zip(*ranges, strict=True)]
    bound = dict(zip(("buckets", "lows", "highs"), columns, strict=True))
    return [StoredPage(*each) for each in connection.execute(_READ, bound)]
