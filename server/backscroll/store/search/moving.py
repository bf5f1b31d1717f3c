"""Moves a range of rows of PostgreSQL's index from `search_rows` to blocks and pages.

`packing` decides when. The rows are read in one transaction, and moved in another.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import Connection, text

from backscroll.store.search import blocks, pages, rows
from backscroll.store.search.pages import StoredPage
from backscroll.store.search.rows import BLOCK, REMOVED, Row

_READ_ROWS: Final = 1_024
"""How many rows a statement reads or locks at most; a multiple of `rows.BLOCK`."""

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

_Versions: TypeAlias = tuple["array[int]", "array[int]"]
"""The numbers of rows, and the transactions that wrote them."""
_Terms: TypeAlias = tuple["array[int]", "array[int]"]
"""How many hashes each of some rows has, and the hashes of all of them, row after row."""


class Range(NamedTuple):
    """The next rows to move. There may be very many of them, so they are kept in a compact form.

    Attributes:
        after: the range begins after this row.
        last: the last row of the range.
        versions: those of each part of the range; see `_parts`.
        blocks: the blocks of the range.
        terms: of each part, how many hashes each row has, and the hashes of all rows.
    """

    after: int
    last: int
    versions: Sequence[_Versions]
    blocks: Sequence[bytes]
    terms: Sequence[_Terms]


def next_range(
    connection: Connection, final: int, size: int, most: int, most_postings: int
) -> Range | None:
    """Return the next rows to move: as many as are final, within limits.

    Args:
        connection: a connection.
        final: no more rows are committed with this number or a lower one.
        size: the range ends at a multiple of this, which is a multiple of `rows.BLOCK`.
        most: the range ends at the next multiple of this, at the latest.
        most_postings: if the rows have as many tokens together, the range ends at the next multiple
            of `size`.
    """
    packed = rows.packed(connection)
    first = connection.scalar(_FIRST, {"after": packed})
    if first is None:
        return None
    after = max(packed, (first - 1) // size * size)  # numbers are not used again
    last = min(final // size * size, (after // most + 1) * most)
    versions: list[_Versions] = []
    made: list[bytes] = []
    terms: list[_Terms] = []
    count = 0
    for part in _parts(after, last):
        found = connection.execute(_READ, {"after": part.start, "last": part.stop}).all()
        versions.append(_versions(found))
        made += _blocks(part, found)
        terms.append(_terms(found))
        count += len(terms[-1][1])
        if count >= most_postings and part.stop % size == 0:
            last = part.stop
            break
    return Range(after, last, versions, made, terms) if versions else None


def pages_of(found: Range) -> list[StoredPage]:
    """Return the pages of a range. This takes long, and needs no connection."""
    postings: defaultdict[int, array[int]] = defaultdict(partial(array, "I"))
    for (numbers, _), (counts, hashes) in zip(found.versions, found.terms, strict=True):
        ends = accumulate(counts)
        for row, count, end in zip(numbers, counts, ends, strict=True):
            for hashed in set(hashes[end - count : end]):
                postings[hashed].append(row - found.after)
    return pages.pages_of(found.after, found.last, postings)


def move(connection: Connection, found: Range, made: Sequence[StoredPage]) -> bool:
    """Move rows, unless they have changed since they were read. Return False if they have.

    Args:
        connection: a connection in a write transaction.
        found: the rows.
        made: their pages.
    """
    pages.take_turn(connection)
    if rows.packed(connection) > found.after:
        return True  # another process has moved them
    for part, versions in zip(_parts(found.after, found.last), found.versions, strict=True):
        bound = {"after": part.start, "last": part.stop}
        if _versions(connection.execute(_LOCK, bound).all()) != versions:
            return False
    numbers = range(found.after // BLOCK, found.last // BLOCK)
    connection.execute(_ADD_BLOCKS, {"blocks": list(numbers), "rows": found.blocks})
    pages.add(connection, made)
    connection.execute(_MOVED, {"after": found.after, "last": found.last})
    return True


def _parts(after: int, last: int) -> Iterator[range]:
    """Yield parts of a range of rows. A part ends with its `stop`, and begins after its `start`."""
    for start in range(after, last, _READ_ROWS):
        yield range(start, min(start + _READ_ROWS, last))


def _blocks(part: range, found: Sequence[Sequence[Any]]) -> Iterator[bytes]:
    data = {row: Row(*fields) for row, _, *fields, _ in found}
    for start in part[::BLOCK]:
        yield blocks.pack([data.get(start + at, REMOVED) for at in range(1, BLOCK + 1)])


def _terms(found: Sequence[Sequence[Any]]) -> _Terms:
    counts, every = array("I"), array("i")
    for *_, hashes in found:
        counts.append(len(hashes))
        every.fromlist(hashes)
    return counts, every


def _versions(found: Sequence[Sequence[Any]]) -> _Versions:
    return array("q", [row for row, *_ in found]), array("q", [written for _, written, *_ in found])
