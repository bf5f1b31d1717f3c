"""Stores and looks up the tokens of rows on PostgreSQL.

A hash replaces each token, to save space. Two tokens can have the same hash, so `hits` compares
each text with the query. The hashes of new and changed rows are in arrays with a GIN index. Those
of all other rows are in pages (`postings`), to which `packing` moves them. A single statement reads
both, because a row may be moved between two statements.
"""

import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice
from operator import neg
from typing import Final, NamedTuple

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
_ALL: Final = 1 << 62

FEW: Final = 64
"""So few candidates are read instead of being looked up by further words."""
SEVERAL: Final = 8
"""So many words are looked up to find the row of a message. Each takes a few pages to read."""
CACHED_HASHES: Final = 8_192
"""The maximum number of tokens whose hashes are cached. A full cache takes about 2 MB."""


def hashed(terms: Iterable[str]) -> list[int]:
    """Return the hashes that replace tokens: signed integers of 32 bits."""
    return list(map(_hashed, terms))


@lru_cache(CACHED_HASHES)
def _hashed(term: str) -> int:
    code = zlib.crc32(term.encode("utf-8", "surrogatepass"))
    return code - (code >> 31 << 32)


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
    also: Sequence[str] = (),
) -> list[list[int]]:
    """Return, for each group of tokens, rows that have all tokens of the group.

    Args:
        connection: a connection.
        groups: the groups. Each has at least one token.
        between: the least and the greatest number that a row may have.
        most: the maximum number of rows to return for each group. The newest of the rows in pages
            are returned.
        also: further tokens. A row must have all of these. Only pages that may have such a row are
            read, so a conversation's token keeps the time from growing with the index.
    """
    parts = [between]
    if also:
        parts = _Read.of(connection, [hashed(also)], between, [between], _ALL).parts(hashed(also))
    if not parts:
        return [[] for _ in groups]
    wanted = [hashed([*group, *also]) for group in groups]
    found = _Read.of(connection, wanted, between, parts, most)
    return [
        list(islice(chain(found.new.get(place, ()), found.packed(group)), most))
        for place, group in enumerate(wanted)
    ]


def candidates(
    connection: Connection, owner: str, words: Sequence[str], between: tuple[int, int]
) -> list[int]:
    """Return rows of an owner among which are all that have some words.

    If the owner has few rows, or few have the rarest words, the other words are not looked up.

    Args:
        connection: a connection.
        owner: the token of the owner.
        words: the tokens of the words, of which the last `SEVERAL` are looked up. If there are
            none, all rows of the owner are returned.
        between: the least and the greatest number that a row may have.
    """
    mine = hashed([owner])
    own = _Read.of(connection, [mine], between, [between], _ALL)
    if not words or own.count(mine[0]) <= FEW:
        return [*own.new.get(0, ()), *own.packed(mine)]
    wanted = hashed([owner, *words[-SEVERAL:]])
    found = _Read.of(connection, [wanted], between, own.parts(mine), _ALL)
    return [*found.new.get(0, ()), *found.packed(wanted, FEW)]


class _Placed(NamedTuple):
    """A page with its range: the rows after `after`, up to `last`."""

    last: int
    after: int
    page: Page


class _Read(Struct, frozen=True):
    """What a statement read.

    Attributes:
        new: the rows in `search_rows`, by the index of the group.
        pages: the pages of each bucket, the newest first.
        removed: the rows of each bucket that are still in pages although they were removed.
        between: the least and the greatest number that a row may have.
    """

    new: Mapping[int, Sequence[int]]
    pages: Mapping[int, Sequence[_Placed]]
    removed: Mapping[int, frozenset[int]]
    between: tuple[int, int]

    @classmethod
    def of(
        cls,
        connection: Connection,
        groups: Sequence[Sequence[int]],
        between: tuple[int, int],
        parts: Sequence[tuple[int, int]],
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
            "firsts": [first for first, _ in parts],
            "lasts": [last for _, last in parts],
            "most": most,
        }
        new: dict[int, Sequence[int]] = {}
        pages: defaultdict[int, list[_Placed]] = defaultdict(list)
        removed: dict[int, frozenset[int]] = {}
        for kind, key, last, after, page, ids in connection.execute(_LOOK_UP, bound):
            if kind == 0:
                new[key] = ids or ()
            elif kind == 1:
                pages[key].append(_Placed(last, after, Page(last, page)))
            else:
                removed[key] = frozenset(ids)
        return cls(new, pages, removed, between)

    def parts(self, group: Sequence[int]) -> list[tuple[int, int]]:
        """Return ranges that contain all rows of the only group that was read: first and last."""
        rarest = min(group, key=self.count)
        placed = self.pages.get(bucket_of(rarest), ())
        found = [(after + 1, last) for last, after, page in placed if page.count(rarest)]
        new = self.new.get(0, ())
        return [*found, (min(new), max(new))] if new else found

    def packed(self, group: Sequence[int], enough: int = 0) -> Iterator[int]:
        """Return the rows in pages that have all hashes of a group, the newest row first.

        If at most `enough` rows have the rarest hashes, rows may lack the other hashes.
        """
        rarest, *others = sorted(group, key=self.count)
        if not others:
            return self._rows(rarest)
        rows = list(self._rows(rarest))
        for each in others:
            if len(rows) <= enough:
                break
            rows = self._among(each, rows)
        return iter(rows)

    def count(self, wanted: int) -> int:
        """Return how many rows in the pages have a hash, including removed ones."""
        return sum(each.page.count(wanted) for each in self.pages.get(bucket_of(wanted), ()))

    def _rows(self, wanted: int) -> Iterator[int]:
        bucket = bucket_of(wanted)
        low, high = self.between
        removed = self.removed.get(bucket, frozenset())
        found = chain.from_iterable(each.page.rows(wanted) for each in self.pages.get(bucket, ()))
        return (row for row in found if low <= row <= high and row not in removed)

    def _among(self, wanted: int, rows: Sequence[int]) -> list[int]:
        """Return which of some rows have a hash. `rows` are in descending order."""
        bucket = bucket_of(wanted)
        removed = self.removed.get(bucket, frozenset())
        found: list[int] = []
        for last, after, page in self.pages.get(bucket, ()):
            first, end = (bisect_left(rows, -bound, key=neg) for bound in (last, after))
            found += page.among(wanted, rows[first:end])
        return [row for row in found if row not in removed] if removed else found
