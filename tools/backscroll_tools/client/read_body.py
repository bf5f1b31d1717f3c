"""Reply bodies, read as a stream with a bound on what they become when unpacked.

A library that unpacks a chunk whole turns 261 kB into 516 MiB before anyone can count (measured
with httpx2): here the unpacking itself stops at the bound.
"""

import zlib
from collections.abc import AsyncIterator
from typing import Final

import httpx2

ACCEPTED: Final = ("Accept-Encoding", "gzip, deflate")
"""What is asked for, and so all that has to be unpacked."""

_PLAIN: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_EITHER_HEADER: Final = 32 + zlib.MAX_WBITS
"""Lets zlib tell gzip from zlib by the first bytes."""


class BodyTooLargeError(Exception):
    """A body is larger than it may be."""


class BodyUnreadableError(Exception):
    """A body is packed in a way that was not asked for, or damaged."""


async def read_body(response: httpx2.Response, limit: int) -> bytes:
    """Return a reply's body, unpacked.

    Args:
        response: the reply, not read yet.
        limit: the most bytes, unpacked.

    Raises:
        BodyTooLargeError: there are more.
        BodyUnreadableError: it is packed otherwise than asked for, damaged, or cut short.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _PLAIN | _PACKED:
        raise BodyUnreadableError
    packed = response.aiter_raw()
    chunks = packed if encoding in _PLAIN else _unpacked(packed, limit)
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise BodyTooLargeError
    return bytes(body)


async def _unpacked(packed: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(_EITHER_HEADER)
    taken = 0
    try:
        async for chunk in packed:
            taken += len(chunk)
            # What unpacks to nothing, or stands behind the end, has to be counted as it comes.
            if taken > limit:
                raise BodyTooLargeError
            # One byte over the limit is enough to know that it is passed.
            yield unpacker.decompress(chunk, limit + 1)
            if unpacker.unconsumed_tail:
                raise BodyTooLargeError
        yield unpacker.flush()
    except zlib.error as error:
        raise BodyUnreadableError from error
    if not unpacker.eof:
        raise BodyUnreadableError
