"""Compresses blocks of consecutive rows of integers, in which each column changes little.

A block contains, for each column, the first value, and the differences between consecutive rows as
integers that are as narrow as possible.
"""

import zlib
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import sub
from typing import Final, TypeAlias

_NARROW: Final = b"\x01"
"""The first byte of a block in the current format. In the first format, all integers had 64 bits,
and a block began with the header of zlib, whose first byte never has this value."""
_SIZES: Final = {code: array(code).itemsize for code in "bhiq"}
_WIDTHS: Final = {code: (1 << 8 * _SIZES[code] - 1) - 1 for code in "bhi"}
"""The greatest number that each type of array can contain, the narrowest type first."""

_Column: TypeAlias = tuple[int, "array[int]"]
"""The first value of a column, and the differences between consecutive values."""


def pack(rows: Iterable[Sequence[int]]) -> bytes:
    """Compress rows of 64-bit integers. The differences in a column must also fit in 64 bits."""
    columns = list(zip(*rows, strict=True))
    firsts = array("q", (column[0] for column in columns))
    differences = [list(map(sub, column[1:], column)) for column in columns]
    widths = [_width(each) for each in differences]
    packed = (array(*each).tobytes() for each in zip(widths, differences, strict=True))
    content = b"".join((*(width.encode() for width in widths), firsts.tobytes(), *packed))
    return _NARROW + zlib.compress(content, 9)


def unpack(stored: bytes, columns: int) -> Iterable[tuple[int, ...]]:
    """Return all rows of a block.

    Args:
        stored: what `pack` returned.
        columns: the number of columns.
    """
    return zip(*map(_values, _columns(stored, columns, range(columns))), strict=True)


def some(stored: bytes, columns: int, indexes: Collection[int]) -> Mapping[int, tuple[int, ...]]:
    """Return a few rows of a block, by their index in the block. The others are not computed."""
    found = list(_columns(stored, columns, range(columns)))
    return {
        each: tuple(first + sum(differences[:each]) for first, differences in found)
        for each in indexes
    }


def columns_of(stored: bytes, columns: int, wanted: Iterable[int]) -> list[list[int]]:
    """Return all values of the wanted columns. The others are not computed.

    Args:
        stored: what `pack` returned.
        columns: the number of columns.
        wanted: the indexes of the columns to return.
    """
    return [list(_values(each)) for each in _columns(stored, columns, wanted)]


def _width(numbers: Sequence[int]) -> str:
    """Return the type code of the narrowest array that can contain these numbers."""
    most = max(map(abs, numbers), default=0)
    return next((code for code, limit in _WIDTHS.items() if most <= limit), "q")


def _columns(stored: bytes, columns: int, wanted: Iterable[int]) -> Iterator[_Column]:
    """Yield the wanted columns."""
    if not stored.startswith(_NARROW):
        every = array("q", zlib.decompress(stored))
        count = len(every) // columns
        for at in wanted:
            start = at * count
            yield every[start], every[start + 1 : start + count]
        return
    content = zlib.decompress(stored[len(_NARROW) :])
    widths, start = content[:columns].decode(), 9 * columns
    firsts = array("q", content[columns:start])
    sizes = [_SIZES[width] for width in widths]
    count = (len(content) - start) // sum(sizes)
    ends = list(accumulate((count * size for size in sizes), initial=start))
    for at in wanted:
        yield firsts[at], array(widths[at], content[ends[at] : ends[at + 1]])


def _values(column: _Column) -> Iterator[int]:
    first, differences = column
    return accumulate(differences, initial=first)
