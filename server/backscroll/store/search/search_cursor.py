"""Cursors in a list of hits. A cursor has a few integers, and a digest of the search it belongs to.

A cursor contains all numbers that the order depends on: the number of messages, how many of them
have each word, and the newest row. So added rows do not change later pages, and deleted rows are
only missing from them. On PostgreSQL, rows get their numbers before they are committed. If the
transaction of a message is still open when the first page is read, the message may appear on a
later page. This neither repeats nor hides any other hit.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from backscroll.store.api_errors import ApiError, invalid_value

MAX_CURSOR_CHARS: Final = 4_000
_DIGEST_BYTES: Final = 6
_BITS: Final = 7
_NUMBER_BITS: Final = 63
"""The maximum length of a number in a cursor, including its sign. It is one bit less than databases
allow, so that adding 1 to a number does not exceed their limit."""
_MORE: Final = 0x80


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position at which a page starts.

    Attributes:
        high: the number of the newest row that is part of the list.
        messages: the estimated number of messages in the partition.
        mean_length: the mean number of words of these messages, times 100.
        having: how many rows have each group of words, counted up to a limit.
        at: the sort key of the last row. In the order `relevance`, these are the keys of the two
            ends of a batch. It is empty at the start of the list.
        shown: the rows of that batch that earlier pages have shown.
    """

    high: int
    messages: int
    mean_length: int
    having: tuple[int, ...]
    at: tuple[int, ...] = ()
    shown: tuple[int, ...] = ()

    def encode(self, identity: object) -> str:
        """Return this cursor as text.

        Args:
            identity: the search; its `repr` must be the same when the cursor is read.
        """
        numbers = [self.high, self.messages, self.mean_length]
        for each in (self.having, self.at, self.shown):
            numbers += [len(each), *each]
        raw = _digest(identity) + b"".join(map(_varint, numbers))
        return urlsafe_b64encode(raw).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str, identity: object, groups: int) -> Self:
        """Return the cursor for a text that `encode` returned.

        Args:
            cursor: the text.
            identity: the search, as in `encode`.
            groups: the number of groups of words in the search.

        Raises:
            ApiError: 400 if the text is not a cursor of this search.
        """
        try:
            if len(cursor) > MAX_CURSOR_CHARS:
                raise invalid_cursor()
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            numbers = list(_numbers(raw[_DIGEST_BYTES:]))
            high, messages, mean_length, *rest = numbers
            having, rest = _counted(rest)
            at, rest = _counted(rest)
            shown, rest = _counted(rest)
        except (ValueError, IndexError) as error:
            raise invalid_cursor() from error
        if rest or raw[:_DIGEST_BYTES] != _digest(identity) or len(having) != groups:
            raise invalid_cursor()
        if min(high, messages, mean_length, *having) < 0:
            raise invalid_cursor()
        return cls(high, messages, mean_length, having, at, shown)


def _counted(numbers: list[int]) -> tuple[tuple[int, ...], list[int]]:
    count = numbers[0]
    if not 0 <= count < len(numbers):
        raise IndexError(count)
    return tuple(numbers[1 : count + 1]), numbers[count + 1 :]


def _digest(identity: object) -> bytes:
    return hashlib.sha256(repr(identity).encode("utf-8", "surrogatepass")).digest()[:_DIGEST_BYTES]


def _varint(number: int) -> bytes:
    number = number << 1 if number >= 0 else (-number << 1) - 1
    made = bytearray()
    while number >= _MORE:
        made.append(number & (_MORE - 1) | _MORE)
        number >>= _BITS
    made.append(number)
    return bytes(made)


def _numbers(raw: bytes) -> Iterable[int]:
    number = shift = 0
    for byte in raw:
        number |= (byte & (_MORE - 1)) << shift
        shift += _BITS
        if byte < _MORE:
            if number >> _NUMBER_BITS:
                raise ValueError(number)
            yield -((number + 1) >> 1) if number & 1 else number >> 1
            number = shift = 0
    if shift:
        raise ValueError(shift)


def invalid_cursor() -> ApiError:
    """Return the error for a text that is not a cursor of the same search."""
    return invalid_value("after", "Invalid 'after': expected the next_cursor of the same search.")
