"""Reads the body of a reply, with a limit on its decompressed size.

httpx2 decompresses each chunk completely. In a test, 261 kB became 516 MiB before the size could be
checked. This module stops decompressing at the limit.
"""

import math
import zlib
from collections.abc import AsyncIterator
from typing import Final

import httpx2

ACCEPTED: Final = ("Accept-Encoding", "gzip, deflate")
"""The request header that names the encodings that this module can decompress."""

_PLAIN: Final = frozenset({"", "identity"})
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})
EDGE: Final = 4096
"""How many bytes of a body that is too large are kept from its beginning, and from its end."""

_SKIMMED: Final = 16
"""A body that is larger than this multiple of the limit is not read to its end."""

_EITHER_HEADER: Final = 32 + zlib.MAX_WBITS
"""The value of `wbits` with which zlib detects whether the data has a gzip or a zlib header."""


class BodyTooLargeError(Exception):
    """A body is larger than allowed.

    Attributes:
        head: the first bytes of the body, decompressed.
        tail: the last bytes of the body; empty if it was not read to the end.
        size: the size of the body in bytes; 0 if unknown.
    """

    head: bytes = b""
    tail: bytes = b""
    size: int = 0


class BodyUnreadableError(Exception):
    """A body has an encoding that was not requested, or is damaged or truncated."""


async def read_body(response: httpx2.Response, limit: float, *, to_end: bool = False) -> bytes:
    """Return a reply's body, decompressed.

    Args:
        response: the unread reply.
        limit: the maximum size of the body, decompressed, in bytes.
        to_end: whether to read a body to its end if it exceeds the limit, so that the error
            contains its last bytes and its size. This has no effect on a compressed body.

    Raises:
        BodyTooLargeError: the body exceeds the limit.
        BodyUnreadableError: the encoding was not requested, or the body is damaged or truncated.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in _PLAIN | _PACKED:
        raise BodyUnreadableError
    packed = response.aiter_raw()
    chunks = packed if encoding in _PLAIN else _unpacked(packed, limit)
    body = bytearray()
    try:
        await _fill(body, chunks, limit)
    except BodyTooLargeError as error:
        error.head = bytes(body[:EDGE])
        if to_end and chunks is packed:
            error.tail, error.size = await _end(body, chunks, limit)
        raise
    return bytes(body)


async def _fill(body: bytearray, chunks: AsyncIterator[bytes], limit: float) -> None:
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise BodyTooLargeError


async def _end(body: bytearray, chunks: AsyncIterator[bytes], limit: float) -> tuple[bytes, int]:
    """Read the rest of a body without keeping it, and return its last bytes and its size.

    Return `b""` and 0 if the body is larger than `_SKIMMED` times the limit, or if a read fails.

    Args:
        body: the bytes that have already been read.
        chunks: the rest of the body.
        limit: the maximum size of a body, in bytes.
    """
    taken, tail = len(body), bytes(body[-EDGE:])
    try:
        async for chunk in chunks:
            taken += len(chunk)
            tail = (tail + chunk)[-EDGE:]
            if taken > _SKIMMED * limit:
                return b"", 0
    except httpx2.HTTPError:
        return b"", 0
    return tail, taken


async def _unpacked(packed: AsyncIterator[bytes], limit: float) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(_EITHER_HEADER)
    taken = 0
    try:
        async for chunk in packed:
            taken += len(chunk)
            # Limit the compressed bytes too, because compressed data may decompress to nothing.
            if taken > limit:
                raise BodyTooLargeError
            # One byte over the limit is enough to detect an oversized body.
            yield unpacker.decompress(chunk, 0 if math.isinf(limit) else int(limit) + 1)
            if unpacker.unconsumed_tail:
                raise BodyTooLargeError
        yield unpacker.flush()
    except zlib.error as error:
        raise BodyUnreadableError from error
    if not unpacker.eof:
        raise BodyUnreadableError
