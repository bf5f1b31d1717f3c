"""Stores and looks up the tokens of rows on PostgreSQL.

A hash replaces each token, to save space. Two tokens can have the same hash, so `hits` compares
each text with the query. The hashes of new and changed rows are in arrays with a GIN index. Those
of all other rows are in pages (`postings`), to which `packing` moves them. A single statement reads
both, because a row may be moved between two statements.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, text

from backscroll.database.bulk import COPIED, copy
from backscroll.store.search import rows
from backscroll.store.search.postings import Page, bucket_of
from backscroll.store.search.rows import Row

_ADD: Final = text(
    "INSERT INTO search_rows"
    " (owner, created_at, position, scope, length, role, version, terms) VALUES (:owner,"
    " :created_at, :position, :scope, :length, :role, :version, CAST(:terms AS INTEGER[]))"
)
_REPLACE: Final = text(
    "INSERT INTO search_rows"
    " (id, owner, created_at, position, scope, length, role, version, terms) VALUES (:id, :owner,"
    " :created_at, :position, :scope, :length, :role, :version, CAST(:terms AS INTEGER[]))"
    " ON CONFLICT (id) DO UPDATE SET terms = excluded.terms, length = excluded.length"
)
_DEAD: Final = text(
    "INSERT INTO search_removed (bucket, row, hash)"
    " SELECT * FROM unnest(CAST(:buckets AS INTEGER[]), CAST(:rows AS BIGINT[]),"
    " CAST(:hashes AS INTEGER[])) ON CONFLICT DO NOTHING"
)
# `id + 0` keeps PostgreSQL from reading all rows one after another by `id`.
_LOOK_UP: Final = text(
    "SELECT 0 AS kind, place AS key, CAST(0 AS BIGINT) AS last, CAST(NULL AS BYTEA) AS page,"
    " (SELECT array_agg(id) FROM (SELECT id FROM search_rows WHERE terms @> wanted"
    " AND id + 0 BETWEEN :low AND :high LIMIT :most) AS having_them) AS ids"
    " FROM (SELECT place, array_agg(hash) AS wanted FROM unnest(CAST(:places AS INTEGER[]),"
    " CAST(:hashes AS INTEGER[])) AS given (place, hash) GROUP BY place) AS groups"
    " UNION ALL SELECT 1, bucket, last, page, NULL FROM search_pages"
    " WHERE bucket = ANY(CAST(:buckets AS INTEGER[])) AND last >= :low AND after < :high"
    " UNION ALL SELECT 2, bucket, 0, NULL, array_agg(row) FROM search_removed"
    " WHERE bucket = ANY(CAST(:buckets AS INTEGER[])) GROUP BY bucket"
    " ORDER BY kind, last DESC"
)
_ALL: Final = 1 << 62


def hashed(terms: Iterable[str]) -> list[int]:
    """Return the hashes that replace tokens: signed integers of 32 bits."""
    codes = (zlib.crc32(term.encode("utf-8", "surrogatepass")) for term in terms)
    return [code - (code >> 31 << 32) for code in codes]


def add(connection: Connection, added: Sequence[tuple[Row, Sequence[str]]]) -> None:
    """Add rows and their tokens; at least one row."""
    if len(added) < COPIED:
        bound = [row._asdict() | {"terms": hashed(terms)} for row, terms in added]
        connection.execute(_ADD, bound)
        return
    copied = ((*row, hashed(terms)) for row, terms in added)
    copy(connection, "search_rows", (*Row._fields, "terms"), copied)


def remove(connection: Connection, removed: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Remove rows, and note which hashes `packing` must erase if their pages have them."""
    last = rows.packed(connection)
    rows.remove(connection, [row for row, _ in removed])
    _note(connection, removed, max(last, rows.packed(connection)))


def replace(
    connection: Connection, row: int, data: Row, old: Sequence[str], new: Sequence[str]
) -> None:
    """Replace the tokens and the length of a row."""
    bound = {"id": row, **data._asdict(), "terms": hashed(new)}
    connection.execute(_REPLACE, bound)
    _note(connection, [(row, old)], rows.packed(connection))


def _note(connection: Connection, removed: Sequence[tuple[int, Sequence[str]]], last: int) -> None:
    dead = [(row, each) for row, terms in removed if row <= last for each in hashed(terms)]
    if dead:
        bound = {
            "buckets": [bucket_of(each) for _, each in dead],
            "rows": [row for row, _ in dead],
            "hashes": [each for _, each in dead],
        }
        connection.execute(_DEAD, bound)


def clear(connection: Connection) -> None:
    """Remove the tokens of all rows that were moved to pages."""
    connection.exec_driver_sql("DELETE FROM search_pages")
    connection.exec_driver_sql("DELETE FROM search_removed")


def look_up(
    connection: Connection,
    groups: Sequence[Sequence[str]],
    between: tuple[int, int],
    most: int = _ALL,
) -> list[list[int]]:
    """Return, for each group of tokens, rows that have all tokens of the group.

    Args:
        connection: a connection.
        groups: the groups. Each has at least one token.
        between: the least and the greatest number that a row may have.
        most: the maximum number of rows to return for each group. The newest of the rows in pages
            are returned.
    """
    wanted = [hashed(group) for group in groups]
    found = _Read.of(connection, wanted, between, most)
    return [
        list(islice(chain(found.new.get(place, ()), found.packed(group)), most))
        for place, group in enumerate(wanted)
    ]


class _Read(Struct, frozen=True):
    """What a statement read.

    Attributes:
        new: the rows in `search_rows`, by the index of the group.
        pages: the pages of each bucket, the newest first.
        removed: the rows of each bucket that are still in pages although they were removed.
        between: the least and the greatest number that a row may have.
    """

    new: Mapping[int, Sequence[int]]
    pages: Mapping[int, Sequence[Page]]
    removed: Mapping[int, frozenset[int]]
    between: tuple[int, int]

    @classmethod
    def of(
        cls,
        connection: Connection,
        groups: Sequence[Sequence[int]],
        between: tuple[int, int],
        most: int,
    ) -> "_Read":
        low, high = between
        pairs = [(place, each) for place, group in enumerate(groups) for each in group]
        bound = {
            "places": [place for place, _ in pairs],
            "hashes": [each for _, each in pairs],
            "buckets": list({bucket_of(each) for _, each in pairs}),
            "low": low,
            "high": high,
            "most": most,
        }
        new: dict[int, Sequence[int]] = {}
        pages: defaultdict[int, list[Page]] = defaultdict(list)
        removed: dict[int, frozenset[int]] = {}
        for kind, key, last, page, ids in connection.execute(_LOOK_UP, bound):
            if kind == 0:
                new[key] = ids or ()
            elif kind == 1:
                pages[key].append(Page(last, page))
            else:
                removed[key] = frozenset(ids)
        return cls(new, pages, removed, between)

    def packed(self, group: Sequence[int]) -> Iterator[int]:
        """Return the rows in pages that have all hashes of a group, the newest row first."""
        if len(group) == 1:
            return self._rows(group[0])
        rarest, *others = sorted(group, key=self._count)
        both = set(self._rows(rarest))
        for each in others:
            both.intersection_update(self._rows(each))
        return iter(sorted(both, reverse=True))

    def _count(self, wanted: int) -> int:
        return sum(page.count(wanted) for page in self.pages.get(bucket_of(wanted), ()))

    def _rows(self, wanted: int) -> Iterator[int]:
        bucket = bucket_of(wanted)
        low, high = self.between
        removed = self.removed.get(bucket, frozenset())
        found = chain.from_iterable(page.rows(wanted) for page in self.pages.get(bucket, ()))
        return (row for row in found if low <= row <= high and row not in removed)
