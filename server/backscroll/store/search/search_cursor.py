"""Cursors in a list of hits. A cursor contains a few integers, encrypted and authenticated.

A cursor contains all numbers that the order depends on: the number of messages, how many of them
have each word, and the newest row. So added rows do not change later pages, and a deleted row only
disappears from them. On PostgreSQL, rows get their numbers before they are committed. If the
transaction of a message is still open when the first page is read, the message may appear on a
later page. This neither repeats nor hides any other hit.

The rows of all partitions are numbered together, so these numbers show how much other partitions
write. Therefore a cursor is encrypted with a key that only the database contains. The
authentication tag depends on the search and on the numbers, and the keystream depends on the tag.
This is the construction of SIV (RFC 5297) with HMAC-SHA-256 and SHAKE256. In a cursor, the number
of a row has a fixed length, so the length of the cursor does not reveal it.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Final, Self

from msgspec import Struct
from sqlalchemy import Connection, select

from backscroll.database.search_schema import search_seal
from backscroll.store.api_errors import ApiError, invalid_value

MAX_CURSOR_CHARS: Final = 4_000
_TAG_BYTES: Final = 8
_KEY_BYTES: Final = 8
"""The length of a number in a sort key, in bytes. The number is signed."""
_ROW_BYTES: Final = 5
"""The length of the number of a row, in bytes."""
_BITS: Final = 7
_NUMBER_BITS: Final = 62
"""The maximum length of a number that is stored with a variable length (`_varint`), in bits."""
_MORE: Final = 0x80

_key: Final = select(search_seal.c.key)


class Cursor(Struct, frozen=True):
    """The position at which a page starts.

    Attributes:
        high: the number of the newest row that is part of the list.
        messages: the estimated number of messages in the partition.
        mean_length: the mean number of words of these messages, times 100.
        having: how many rows have each group of words, counted up to a limit.
        at: the sort key of the last row that earlier pages have shown; in the order `relevance`,
            the sort keys of the two ends of a batch. It is empty at the start of the list.
        shown: in the order `relevance`, the rows of the batch that earlier pages have shown.
    """

    high: int
    messages: int
    mean_length: int
    having: tuple[int, ...]
    at: tuple[int, ...] = ()
    shown: tuple[int, ...] = ()

    def encode(self, identity: object, key: bytes) -> str:
        """Return this cursor as text.

        Args:
            identity: the search; its `repr` must be the same when the cursor is read.
            key: the database's key, from `key_of`.
        """
        plain = b"".join(
            (
                *map(_varint, (self.messages, self.mean_length, len(self.having), *self.having)),
                _varint(len(self.at)),
                *(each.to_bytes(_KEY_BYTES, "big", signed=True) for each in self.at),
                *(each.to_bytes(_ROW_BYTES, "big") for each in (self.high, *self.shown)),
            )
        )
        tag = _tag(key, identity, plain)
        return urlsafe_b64encode(tag + _encrypted(key, tag, plain)).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str, identity: object, key: bytes, groups: int) -> Self:
        """Return the cursor for a text that `encode` returned.

        Args:
            cursor: the text.
            identity: the search, as in `encode`.
            key: the database's key.
            groups: the number of groups of words in the search.

        Raises:
            ApiError: 400 if the text is not a cursor of this search.
        """
        try:
            if len(cursor) > MAX_CURSOR_CHARS:
                raise invalid_cursor()
            raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            tag, sealed = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
            plain = _encrypted(key, tag, sealed)
            if not hmac.compare_digest(tag, _tag(key, identity, plain)):
                raise invalid_cursor()
            reader = _Reader(plain)
            messages, mean_length = reader.number(), reader.number()
            having = tuple(reader.number() for _ in range(reader.number()))
            at = tuple(reader.fixed(_KEY_BYTES, signed=True) for _ in range(reader.number()))
            high, *shown = reader.rows()
        except ValueError as error:
            raise invalid_cursor() from error
        if len(having) != groups:
            raise invalid_cursor()
        return cls(high, messages, mean_length, having, at, tuple(shown))


def key_of(connection: Connection) -> bytes:
    """Return the key with which the cursors of a database are encrypted."""
    return bytes.fromhex(connection.execute(_key).scalar_one())


class _Reader:
    """Reads the numbers of a decrypted cursor. All methods raise ValueError if it is not valid."""

    def __init__(self, plain: bytes) -> None:
        self._left = plain

    def number(self) -> int:
        number = shift = 0
        for length, byte in enumerate(self._left, 1):
            number |= (byte & (_MORE - 1)) << shift
            shift += _BITS
            if byte < _MORE:
                self._left = self._left[length:]
                if number >> _NUMBER_BITS:
                    raise ValueError(number)
                return number
        raise ValueError(number)

    def fixed(self, length: int, *, signed: bool = False) -> int:
        taken, self._left = self._left[:length], self._left[length:]
        if len(taken) < length:
            raise ValueError(len(taken))
        return int.from_bytes(taken, "big", signed=signed)

    def rows(self) -> Iterable[int]:
        while self._left:
            yield self.fixed(_ROW_BYTES)


def _tag(key: bytes, identity: object, plain: bytes) -> bytes:
    said = repr(identity).encode()
    message = hashlib.sha256(said).digest() + plain
    return hmac.digest(key, message, "sha256")[:_TAG_BYTES]


def _encrypted(key: bytes, tag: bytes, plain: bytes) -> bytes:
    """Encrypt bytes with the keystream for the tag. The same operation decrypts them."""
    stream = hashlib.shake_256(key + tag).digest(len(plain))
    return bytes(left ^ right for left, right in zip(plain, stream, strict=True))


def _varint(number: int) -> bytes:
    made = bytearray()
    while number >= _MORE:
        made.append(number & (_MORE - 1) | _MORE)
        number >>= _BITS
    made.append(number)
    return bytes(made)


def invalid_cursor() -> ApiError:
    """Return the error for a text that is not a cursor of the same search."""
    return invalid_value("after", "Invalid 'after': expected the next_cursor of the same search.")
