"""Reads which rows have hashes of tokens, from `search_rows` and from pages of PostgreSQL's index.

A single statement reads both, because a row may be moved between two statements.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import neg
from typing import Final, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, text

from backscroll.store.search.postings import Page, bucket_of

# `id + 0` keeps PostgreSQL from reading all rows one after another by `id`.
_LOOK_UP: Final = text(
    "SELECT 0 AS kind, place AS key, CAST(0 AS BIGINT) AS last, CAST(0 AS BIGINT) AS after,"
    " CAST(NULL AS BYTEA) AS page,"
    " (SELECT array_agg(id) FROM (SELECT id FROM search_rows WHERE terms @> wanted"
    " AND id + 0 BETWEEN :low AND :high LIMIT :most) AS having_them) AS ids"
    " FROM (SELECT place, array_agg(hash) AS wanted FROM unnest(CAST(:places AS INTEGER[]),"
    " CAST(:hashes AS INTEGER[])) AS given (place, hash) GROUP BY place) AS groups"
    " UNION ALL SELECT 1, bucket, last, after, page, NULL FROM search_pages"
    " WHERE bucket = ANY(CAST(:buckets AS INTEGER[])) AND last >= :low AND after < :high"
    " AND EXISTS (SELECT 1 FROM unnest(CAST(:firsts AS BIGINT[]), CAST(:lasts AS BIGINT[]))"
    " AS part (first, final) WHERE last >= first AND after < final)"
    " UNION ALL SELECT 2, bucket, 0, 0, NULL, array_agg(row) FROM search_removed"
    " WHERE bucket = ANY(CAST(:buckets AS INTEGER[])) GROUP BY bucket"
    " ORDER BY kind, last DESC"
)


class Placed(NamedTuple):
    """A page with its range: the rows after `after`, up to `last`."""

    last: int
    after: int
    page: Page


class Postings(Struct, frozen=True):
    """The rows of the hashes of some groups, read by one statement.

    Attributes:
        new: the rows in `search_rows`, by the index of the group.
        pages: the pages of each bucket, the newest first.
        removed: the rows of each bucket that are still in pages although they were removed.
        between: the least and the greatest number that a row may have.
    """

    new: Mapping[int, Sequence[int]]
    pages: Mapping[int, Sequence[Placed]]
    removed: Mapping[int, frozenset[int]]
    between: tuple[int, int]

    @classmethod
    def read(
        cls,
        connection: Connection,
        groups: Sequence[Sequence[int]],
        between: tuple[int, int],
        parts: Sequence[tuple[int, int]],
        most: int,
    ) -> "Postings":
        """Read the rows of some groups of hashes.

        Args:
            connection: a connection.
            groups: the groups. Each has at least one hash.
            between: the least and the greatest number that a row may have.
            parts: only pages with a row in any of these ranges are read: first and last.
            most: the maximum number of rows in `search_rows` to read for each group.
        """
        low, high = between
        pairs = [(place, each) for place, group in enumerate(groups) for each in group]
        bound = {
            "places": [place for place, _ in pairs],
            "hashes": [each for _, each in pairs],
            "buckets": list({bucket_of(each) for _, each in pairs}),
            "low": low,
            "high": high,
            "firsts": [first for first, _ in parts],
            "lasts": [last for _, last in parts],
            "most": most,
        }
        new: dict[int, Sequence[int]] = {}
        pages: defaultdict[int, list[Placed]] = defaultdict(list)
        removed: dict[int, frozenset[int]] = {}
        for kind, key, last, after, page, ids in connection.execute(_LOOK_UP, bound):
            if kind == 0:
                new[key] = ids or ()
            elif kind == 1:
                pages[key].append(Placed(last, after, Page(last, page)))
            else:
                removed[key] = frozenset(ids)
        return cls(new, pages, removed, between)

    def parts(self, group: Sequence[int]) -> list[tuple[int, int]]:
        """Return ranges that contain all rows of `group`, the only group that was read."""
        rarest = min(group, key=self.count)
        placed = self.pages.get(bucket_of(rarest), ())
        found = [(after + 1, last) for last, after, page in placed if page.count(rarest)]
        new = self.new.get(0, ())
        return [*found, (min(new), max(new))] if new else found

    def packed(self, group: Sequence[int], enough: int = 0) -> Iterator[int]:
        """Return the rows in pages that have all hashes of a group, the newest row first.

        If at most `enough` rows of a page have the rarest hashes, rows may lack the other hashes.
        Only as many pages are searched as the caller takes rows from.
        """
        rarest, *others = sorted(group, key=self.count)
        by_page = self._rows_by_page(rarest)
        if not others:
            return chain.from_iterable(by_page)
        return chain.from_iterable(self._having(list(rows), others, enough) for rows in by_page)

    def count(self, wanted: int) -> int:
        """Return how many rows in the pages have a hash, including removed ones."""
        return sum(each.page.count(wanted) for each in self.pages.get(bucket_of(wanted), ()))

    def _rows_by_page(self, wanted: int) -> Iterator[Iterator[int]]:
        bucket = bucket_of(wanted)
        low, high = self.between
        removed = self.removed.get(bucket, frozenset())
        for last, after, page in self.pages.get(bucket, ()):
            found = page.rows(wanted)
            if removed or after < low - 1 or last > high:
                found = (row for row in found if low <= row <= high and row not in removed)
            yield found

    def _having(self, rows: list[int], hashes: Sequence[int], enough: int) -> list[int]:
        for each in hashes:
            if len(rows) <= enough:
                break
            rows = self._among(each, rows)
        return rows

    def _among(self, wanted: int, rows: Sequence[int]) -> list[int]:
        """Return which of some rows have a hash. `rows` are in descending order."""
        bucket = bucket_of(wanted)
        removed = self.removed.get(bucket, frozenset())
        found: list[int] = []
        for last, after, page in self.pages.get(bucket, ()):
            first, end = (bisect_left(rows, -bound, key=neg) for bound in (last, after))
            found += page.among(wanted, rows[first:end])
        return [row for row in found if row not in removed] if removed else found
