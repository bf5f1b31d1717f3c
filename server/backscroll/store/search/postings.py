"""Compresses the postings of PostgreSQL's index: for each hash of a token, the rows that have it.

A page has the postings of a range of rows, for all hashes of one bucket. A row is stored as its
distance from the next newer row, and the newest row as its distance from the end of the range. So
the newest rows of a hash can be read without the older ones. The distances of a hash are integers
that are as narrow as possible.
"""

import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import accumulate, islice, pairwise, starmap
from operator import mul, neg, sub
from typing import Final, NamedTuple

BUCKETS: Final = 2_048
"""The number of buckets. All hashes of a bucket begin with the same 11 bits."""
_SHIFT: Final = 21
_TYPES: Final = {array(code).itemsize: code for code in "BHI"}
"""The types of the arrays of distances, by the size of an integer in bytes, the narrowest first."""
_INT: Final = array("I").itemsize
_STEP: Final = 1_024
"""How many distances are added up at once to find rows among many."""


class _Posting(NamedTuple):
    """The rows of a hash.

    Attributes:
        hashed: the hash.
        newest: its newest row.
        distances: the distances between its rows, from the newest row to the oldest.
    """

    hashed: int
    newest: int
    distances: "array[int]"


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
    found = (
        _Posting(hashed, rows[0], _narrow(list(map(sub, rows, rows[1:]))))
        for hashed, rows in sorted(postings.items())
    )
    return _compressed(last, list(found))


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
        rows = map(list, starmap(self._rows, enumerate(self._starts())))
        return dict(zip(self._hashes, rows, strict=True))

    def without(self, removed: Mapping[int, Collection[int]]) -> bytes | None:
        """Return the page without some rows, as `page_of` does; None if no rows are left.

        Args:
            removed: the rows to leave out, by hash. The page may lack some of them.
        """
        left = []
        for at, start in enumerate(self._starts()):
            newest = self._last - self._newest[at]
            posting = _Posting(self._hashes[at], newest, self._distances(at, start))
            kept = _without(posting, removed.get(posting.hashed, ()))
            left += [kept] if kept is not None else []
        return _compressed(self._last, left) if left else None

    def _find(self, hashed: int) -> int | None:
        at = bisect_left(self._hashes, hashed)
        return at if self._hashes[at : at + 1] == [hashed] else None

    def _starts(self) -> Iterator[int]:
        """Yield where the distances of each hash start in the content."""
        sizes = map(mul, self._widths, (count - 1 for count in self._counts))
        return islice(accumulate(sizes, initial=self._start), len(self._hashes))

    def _start_of(self, at: int) -> int:
        """Return where the distances of a hash start in the content."""
        before = self._widths[:at]
        start: int = self._start + sum(map(mul, before, self._counts)) - sum(before)
        return start

    def _rows(self, at: int, start: int) -> Iterator[int]:
        return accumulate(self._distances(at, start), sub, initial=self._last - self._newest[at])

    def _distances(self, at: int, start: int) -> "array[int]":
        width, count = self._widths[at], self._counts[at] - 1
        stored = self._content[start : start + width * count]
        return array(_TYPES[width], stored)


def _compressed(last: int, postings: Sequence[_Posting]) -> bytes:
    """Return a page with the postings of all its hashes, which are in ascending order."""
    hashes = [each.hashed for each in postings]
    content = (
        array("I", [len(hashes)]),
        array("i", hashes[:1]),
        array("I", (len(each.distances) + 1 for each in postings)),
        array("I", (last - each.newest for each in postings)),
        array("I", map(sub, hashes, [hashes[0], *hashes])),
        array("B", (each.distances.itemsize for each in postings)),
        *(each.distances for each in postings),
    )
    return zlib.compress(b"".join(each.tobytes() for each in content))


def _without(posting: _Posting, removed: Collection[int]) -> _Posting | None:
    """Return the postings of a hash without some rows; None if no rows are left."""
    if not removed:
        return posting
    ordered, rows = sorted(removed), frozenset(removed)
    parts = [array("B")]
    row = kept = posting.newest  # until the end, as if the newest row was kept
    for begin in range(0, len(posting.distances), _STEP):
        part = posting.distances[begin : begin + _STEP]
        last = row - sum(part)
        # A common word has very many rows, so they are computed only where one is removed.
        if kept == row and bisect_left(ordered, last) == bisect_left(ordered, row):
            kept = last
        else:
            its_rows = islice(accumulate(part, sub, initial=row), 1, None)
            left = [each for each in its_rows if each not in rows]
            part = _narrow(list(map(sub, [kept, *left], left)))
            kept = left[-1] if left else kept
        parts.append(part)
        row = last
    distances = _joined(parts)
    if posting.newest not in rows:
        return posting._replace(distances=distances)
    if not distances:
        return None
    return posting._replace(newest=posting.newest - distances[0], distances=distances[1:])


def _narrow(distances: Sequence[int]) -> "array[int]":
    """Return the distances as integers that are as narrow as possible."""
    most = max(distances, default=0)
    width = next(width for width in _TYPES if most < 1 << 8 * width)
    return array(_TYPES[width], distances)


def _joined(parts: Sequence["array[int]"]) -> "array[int]":
    """Return the distances of all parts in one array, as wide as the widest part."""
    code = _TYPES[max(each.itemsize for each in parts)]
    joined = array(code)
    for each in parts:
        joined += each if each.typecode == code else array(code, each)
    return joined
