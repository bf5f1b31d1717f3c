"""Stores and looks up the tokens of rows on PostgreSQL.

A hash replaces each token, to save space. Two tokens can have the same hash, so `hits` compares
each text with the query. The hashes of new and changed rows are in arrays with a GIN index. Those
of all other rows are in pages (`postings`), to which `packing` moves them.
"""

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import Final

from sqlalchemy import Connection, text

from backscroll.database.bulk import COPIED, copy
from backscroll.store.search import rows
from backscroll.store.search.postgres_postings import Postings
from backscroll.store.search.postings import bucket_of
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
_ALL: Final = 1 << 62

FEW: Final = 128
"""If an owner has at most so many rows, they are read instead of being looked up by words."""
ENOUGH: Final = 16
"""If a page has at most so many rows with the rarest words, the others are not looked up."""
LOOKED_UP: Final = (2, 8)
"""How many words are looked up to find the row of a message: first two, because each takes a few
pages to read. If that leaves more than `FEW` rows, eight."""
CACHED_HASHES: Final = 8_192
"""The maximum number of tokens whose hashes are cached. A full cache takes about 2 MB."""


def hashed(terms: Iterable[str]) -> list[int]:
    """Return the hashes that replace tokens: signed integers of 32 bits."""
    return list(map(_hashed, terms))


@lru_cache(CACHED_HASHES)
def _hashed(term: str) -> int:
    code = zlib.crc32(term.encode("utf-8", "surrogatepass"))
    return code - (code >> 31 << 32)


def add(connection: Connection, added: Iterable[tuple[Row, Sequence[str]]]) -> None:
    """Add rows and their tokens, as in `terms.add`.

    If they are many, they are computed while PostgreSQL indexes those before them.
    """
    waiting = ((row, hashed(terms)) for row, terms in added)
    first = list(islice(waiting, COPIED))
    if len(first) == COPIED:
        copied = ((*row, each) for row, each in chain(first, waiting))
        copy(connection, "search_rows", (*Row._fields, "terms"), copied)
    elif first:
        connection.execute(_ADD, [row._asdict() | {"terms": each} for row, each in first])


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
        parts = Postings.read(connection, [hashed(also)], between, [between], _ALL).parts(
            hashed(also)
        )
    if not parts:
        return [[] for _ in groups]
    wanted = [hashed([*group, *also]) for group in groups]
    found = Postings.read(connection, wanted, between, parts, most)
    return [
        list(islice(chain(found.new.get(place, ()), found.packed(group)), most))
        for place, group in enumerate(wanted)
    ]


def candidates(
    connection: Connection, owner: str, words: Sequence[str], between: tuple[int, int]
) -> list[int]:
    """Return rows among which are all rows of an owner that have some words.

    If the owner has few rows, no words are looked up. If few rows have the rarest words, no others
    are.

    Args:
        connection: a connection.
        owner: the token of the owner.
        words: the tokens of the words, the rarest last. If there are none, all rows of the owner
            are returned.
        between: the least and the greatest number that a row may have.
    """
    mine = hashed([owner])
    own = Postings.read(connection, [mine], between, [between], _ALL)
    new = own.new.get(0, ())
    if not words or len(new) + own.count(mine[0]) <= FEW:
        return [*new, *own.packed(mine)]
    parts = own.parts(mine)
    ids: list[int] = []
    for count in LOOKED_UP:
        wanted = hashed([owner, *words[-count:]])
        found = Postings.read(connection, [wanted], between, parts, _ALL)
        ids = [*found.new.get(0, ()), *found.packed(wanted, ENOUGH)]
        if len(ids) <= FEW:
            break
    return ids
