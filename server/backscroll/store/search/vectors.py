"""Stores a vector for each row of the index, and finds the rows with similar vectors.

A vector is stored as floats of 16 bits. In addition, the column `signs` has one bit for each number
of the vector: whether the number is positive. The more of these bits two vectors share, the more
similar they are. A search finds similar rows by these bits alone, because it compares many rows.
Only to score the rows of a batch (`orders`), it reads and compares their whole vectors.

The vector of a row is null if the text of the row has changed. It is empty if the endpoint sent no
usable vector for the text.
"""

import math
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import nsmallest
from itertools import accumulate, islice
from operator import itemgetter, mul
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from backscroll.database.search_schema import search_vectors as table
from backscroll.store.search.embeddings import Vector

MOST: Final = 20_000
"""The maximum number of vectors that a search compares: those of the newest messages."""
NEAREST: Final = 50
"""The maximum number of messages that a search finds although they have none of the query's words.
A search finds these messages by their meaning."""
DEVIATIONS: Final = 3.0
"""A message that has none of the query's words is found only if its distance from the query is less
than the median by at least this number of standard deviations. The deviation is computed only from
distances that are not less than the median, so that similar messages do not affect it."""
_IDS: Final = 500
"""The maximum number of rows in one statement."""


class Meaning(Struct, frozen=True):
    """The meaning of a query.

    Attributes:
        vector: the query's vector.
        model: the number of the model that computed the vector, from `model_number`.
    """

    vector: Vector
    model: int


class Near(Struct, frozen=True):
    """The rows that are similar to a query, and the data to score any row.

    Attributes:
        meaning: the meaning of the query.
        median: the median similarity of the compared rows.
        rows: the rows that are found even if they have none of the query's words.
    """

    meaning: Meaning
    median: float
    rows: frozenset[int]

    def scores(self, connection: Connection, ids: Iterable[int]) -> dict[int, float]:
        """Return each row's similarity to the query minus the median similarity, from -2 to 2.

        Rows without a vector are left out.
        """
        query, packed = self.meaning.vector, struct.Struct(f"<{len(self.meaning.vector)}e")
        return {
            row: sum(map(mul, packed.unpack(stored), query)) - self.median
            for row, stored in _vectors(connection, ids, self.meaning.model)
            if len(stored) == packed.size
        }


def model_number(model: str) -> int:
    """Return the number that stands for a model in the table."""
    return zlib.crc32(model.encode()) >> 1


def add(connection: Connection, model: int, vectors: Mapping[tuple[int, int], Vector]) -> None:
    """Store the vectors of rows, in place of earlier ones.

    Args:
        connection: a connection in a write transaction.
        model: the number of the model that computed them.
        vectors: the vectors, by the number of the row and the number of its partition.
    """
    remove(connection, [row for row, _ in vectors])
    stored = [
        {
            "row": row,
            "scope": scope,
            "model": model,
            "signs": _signs(vector) if vector else None,
            "vector": struct.pack(f"<{len(vector)}e", *vector),
        }
        for (row, scope), vector in vectors.items()
    ]
    if stored:
        connection.execute(insert(table), stored)


def remove(connection: Connection, ids: Iterable[int]) -> None:
    """Remove the vectors of rows."""
    for some in _chunks(ids):
        connection.execute(_remove, {"ids": some})


def outdate(connection: Connection, row: int) -> None:
    """Remove the vector of a row whose text has changed. A background task requests a new one."""
    connection.execute(_outdate, {"at": row})


def clear(connection: Connection) -> None:
    """Remove all vectors."""
    connection.execute(delete(table))


def outdated(connection: Connection, most: int) -> list[int]:
    """Return up to `most` rows whose text has changed."""
    return list(connection.scalars(_outdated, {"most": most}))


def known(connection: Connection, ids: Iterable[int], model: int) -> set[int]:
    """Return which of the rows have a vector of this model, even if it is empty."""
    return {row for row, _ in _vectors(connection, ids, model)}


def newest(connection: Connection) -> int:
    """Return the greatest number of a row in the table; 0 if the table is empty.

    Rows whose vector is null or empty are included.
    """
    found: int | None = connection.scalar(_newest)
    return found or 0


def dimensions(connection: Connection, model: int) -> int:
    """Return the number of dimensions of a model's vectors; 0 if it has no vectors."""
    stored = connection.scalar(_any, {"of": model})
    return 0 if stored is None else len(stored) // struct.calcsize("e")


def has_others(connection: Connection, model: int) -> bool:
    """Whether there are vectors of other models."""
    return bool(list(connection.scalars(_of_others, {"of": model, "most": 1})))


def forget_others(connection: Connection, model: int, most: int) -> None:
    """Remove up to `most` vectors of other models."""
    remove(connection, list(connection.scalars(_of_others, {"of": model, "most": most})))


def near(  # noqa: PLR0913, PLR0917 - no two arguments belong together
    connection: Connection,
    meaning: Meaning,
    scope: int,
    high: int,
    only: Collection[int] | None,
    admitted: Callable[[Collection[int]], Collection[int]],
) -> Near:
    """Find the rows that are similar to a query.

    Args:
        connection: a connection for reading.
        meaning: the meaning of the query.
        scope: the number of the partition.
        high: the greatest number that a row may have.
        only: the rows to consider; None for all rows of the partition.
        admitted: returns which of the given rows the filters of the search allow.
    """
    bound = {"within": scope, "of": meaning.model, "high": high, "most": MOST}
    signs: dict[int, bytes] = {}
    if only is None:
        signs |= dict(connection.execute(_signs_of_all, bound).all())
    else:
        for some in _chunks(sorted(only, reverse=True)[:MOST]):
            found = connection.execute(_signs_of_some, bound | {"ids": some})
            signs |= dict(found.all())
    query = _signs(meaning.vector)
    signs = {row: own for row, own in signs.items() if len(own) == len(query)}
    allowed = admitted(signs)
    if not allowed:
        return Near(meaning, 0.0, frozenset())
    bits = int.from_bytes(query, "big")
    distances = {row: (int.from_bytes(signs[row], "big") ^ bits).bit_count() for row in allowed}
    counts = sorted(Counter(distances.values()).items())
    half = len(distances) // 2
    ends = accumulate(count for _, count in counts)
    median = next(each for (each, _), end in zip(counts, ends, strict=True) if end > half)
    farther = sum(count * (each - median) ** 2 for each, count in counts if each > median)
    variance = farther / (len(distances) - half)
    # Between unrelated vectors, each of the n bits differs with probability 1/2. The variance of
    # the number of different bits is n/4, so a variance of at least n/4 is used.
    deviation = math.sqrt(max(variance, len(meaning.vector) / 4))
    least = median - DEVIATIONS * deviation
    close = [(distance, row) for row, distance in distances.items() if distance <= least]
    rows = [row for _, row in nsmallest(NEAREST, close, key=itemgetter(0))]
    # The fraction of bits that differ, times pi, is roughly the angle between two vectors.
    similarity = math.cos(math.pi * median / len(meaning.vector))
    return Near(meaning, similarity, frozenset(rows))


def _signs(vector: Sequence[float]) -> bytes:
    bits = int("".join("1" if each > 0 else "0" for each in vector), 2)
    return bits.to_bytes((len(vector) + 7) // 8, "big")


def _vectors(connection: Connection, ids: Iterable[int], model: int) -> Iterable[tuple[int, bytes]]:
    for some in _chunks(ids):
        yield from connection.execute(_read, {"ids": some, "of": model})


def _chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    left = iter(ids)
    while some := list(islice(left, _IDS)):
        yield some


_some = table.c.row.in_(bindparam("ids", expanding=True))
_of = table.c.model == bindparam("of")
_remove: Final = delete(table).where(_some)
_outdate: Final = (
    update(table).where(table.c.row == bindparam("at")).values(vector=None, signs=None)
)
_outdated: Final = (
    select(table.c.row)
    .where(table.c.vector.is_(None))
    .limit(bindparam("most", type_=table.c.row.type))
)
_newest: Final = select(table.c.row).order_by(table.c.row.desc()).limit(1)
_any: Final = select(table.c.vector).where(_of, table.c.signs.is_not(None)).limit(1)
_of_others: Final = select(table.c.row).where(~_of).limit(bindparam("most", type_=table.c.row.type))
_read: Final = select(table.c.row, table.c.vector).where(_some, _of, table.c.vector.is_not(None))
_searched: Final = select(table.c.row, table.c.signs).where(
    table.c.scope == bindparam("within"),
    _of,
    table.c.row <= bindparam("high"),
    table.c.signs.is_not(None),
)
_signs_of_all: Final = _searched.order_by(table.c.row.desc()).limit(
    bindparam("most", type_=table.c.row.type)
)
_signs_of_some: Final = _searched.where(_some)
