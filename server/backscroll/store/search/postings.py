"""Compresses the postings of PostgreSQL's index: for each hash of a token, the rows that have it.

A page has the postings of a range of rows, for all hashes of one bucket. A row is stored as its
distance from the next newer row, and the newest row as its distance from the end of the range. So
the newest rows of a hash can be read without the older ones. The distances of a hash are integers
that are as narrow as possible.
"""

import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise, starmap
from operator import mul, neg, sub
from typing import Final

BUCKETS: Final = 2_048
"""The number of buckets. All hashes of a bucket begin with the same 11 bits."""
_SHIFT: Final = 21
_TYPES: Final = {array(code).itemsize: code for code in "BHI"}
"""The types of the arrays of distances, by the size of an integer in bytes, the narrowest first."""
_INT: Final = array("I").itemsize
_STEP: Final = 1_024
"""How many distances are added up at once to find rows among many."""


def bucket_of(hashed: int) -> int:
    """Return the bucket of a hash, which is a signed integer of 32 bits."""
    return (hashed & 0xFFFFFFFF) >> _SHIFT


def page_of(last: int, postings: Mapping[int, Sequence[int]]) -> bytes:
    """Return a page.

    Args:
        last: the last row of the page's range.
        postings: the rows of each hash, the newest row first. There is at least one hash, and each
            has at least one row.
    """
    hashes = sorted(postings)
    rows = [postings[each] for each in hashes]
    distances = [list(map(sub, each, each[1:])) for each in rows]
    widths = [_width(each) for each in distances]
    content = (
        array("I", [len(hashes)]),
        array("i", hashes[:1]),
        array("I", map(len, rows)),
        array("I", (last - each[0] for each in rows)),
        array("I", map(sub, hashes, [hashes[0], *hashes])),
        array("B", widths),
        *(array(_TYPES[width], each) for width, each in zip(widths, distances, strict=True)),
    )
    return zlib.compress(b"".join(each.tobytes() for each in content))


class Page:
    """A page that `page_of` returned.

    Args:
        last: the last row of the page's range.
        stored: the page.
    """

    def __init__(self, last: int, stored: bytes) -> None:
        self._last = last
        self._content = content = zlib.decompress(stored)
        (count,), (least,) = array("I", content[:_INT]), array("i", content[_INT : 2 * _INT])
        ends = range(2 * _INT, (3 * count + 3) * _INT, count * _INT)
        self._counts, self._newest, steps = (array("I", content[a:b]) for a, b in pairwise(ends))
        self._hashes = list(accumulate(steps, initial=least))[1:]
        self._start = (3 * count + 2) * _INT + count
        self._widths = content[self._start - count : self._start]

    def count(self, hashed: int) -> int:
        """Return how many rows have a hash."""
        at = self._find(hashed)
        return 0 if at is None else self._counts[at]

    def rows(self, hashed: int) -> Iterator[int]:
        """Return the rows that have a hash, the newest row first."""
        at = self._find(hashed)
        return iter(()) if at is None else self._rows(at, self._start_of(at))

    def among(self, hashed: int, rows: Sequence[int]) -> list[int]:
        """Return which of some rows have a hash. This is faster than to read all that have it.

        Args:
            hashed: the hash.
            rows: the rows, in descending order.
        """
        at = self._find(hashed)
        if at is None:
            return []
        newest, distances = self._last - self._newest[at], self._distances(at, self._start_of(at))
        found: list[int] = []
        first = bisect_left(rows, -newest, key=neg)
        for begin in range(0, len(distances) or 1, _STEP):
            some = distances[begin : begin + _STEP]
            oldest = newest - sum(some)
            end = bisect_right(rows, -oldest, first, key=neg)
            if first < end:
                having = frozenset(accumulate(some, sub, initial=newest))
                found += filter(having.__contains__, rows[first:end])
            if end == len(rows):
                break
            first, newest = end, oldest
        return found

    def postings(self) -> dict[int, list[int]]:
        """Return the rows of each hash, the newest row first."""
        sizes = map(mul, self._widths, (count - 1 for count in self._counts))
        starts = accumulate(sizes, initial=self._start)
        rows = map(list, starmap(self._rows, enumerate(starts)))
        return dict(zip(self._hashes, rows, strict=False))

    def _find(self, hashed: int) -> int | None:
        at = bisect_left(self._hashes, hashed)
        return at if self._hashes[at : at + 1] == [hashed] else None

    def _start_of(self, at: int) -> int:
        """Return where the distances of a hash start in the content."""
        before = self._widths[:at]
        start: int = self._start + sum(map(mul, before, self._counts)) - sum(before)
        return start

    def _rows(self, at: int, start: int) -> Iterator[int]:
        return accumulate(self._distances(at, start), sub, initial=self._last - self._newest[at])

    def _distances(self, at: int, start: int) -> Sequence[int]:
        width, count = self._widths[at], self._counts[at] - 1
        stored = self._content[start : start + width * count]
        return array(_TYPES[width], stored)


def _width(distances: Sequence[int]) -> int:
    most = max(distances, default=0)
    return next(width for width in _TYPES if most < 1 << 8 * width)
