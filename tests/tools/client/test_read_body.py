"""A body is what was sent, or an error: never more than it may be, and never a part of it."""

import gzip
import zlib
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client.read_body import BodyTooLargeError, BodyUnreadableError, read_body

ENCODINGS = ["deflate", "gzip", "identity"]
BODY = st.binary(max_size=2_000) | st.builds(bytes, st.integers(0, 100_000))


class Pieces(httpx2.AsyncByteStream):
    """A body that comes in pieces of some size."""

    def __init__(self, body: bytes, size: int) -> None:
        self._body, self._size = body, size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), self._size):
            yield self._body[at : at + self._size]


def read(body: bytes, encoding: str, limit: int, size: int = 1_000) -> bytes:
    response = httpx2.Response(
        200, headers={"Content-Encoding": encoding}, stream=Pieces(body, size)
    )
    return anyio.run(read_body, response, limit)


def packed(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.compress(body)
    return zlib.compress(body) if encoding == "deflate" else body


@given(BODY, st.sampled_from(ENCODINGS), st.integers(1, 3_000))
def test_a_body_within_its_bound_is_read_whole(body: bytes, encoding: str, size: int) -> None:
    limit = max(len(body), len(packed(body, encoding)))
    assert read(packed(body, encoding), encoding, limit, size) == body


@given(BODY.filter(len), st.sampled_from(ENCODINGS), st.integers(1, 3_000))
def test_a_body_over_its_bound_is_refused(body: bytes, encoding: str, size: int) -> None:
    with pytest.raises(BodyTooLargeError):
        read(packed(body, encoding), encoding, len(body) - 1, size)


@given(BODY, st.sampled_from(["gzip", "deflate"]), st.data())
def test_a_packed_body_that_is_cut_short_is_unreadable(
    body: bytes, encoding: str, data: st.DataObject
) -> None:
    whole = packed(body, encoding)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(BodyUnreadableError):
        read(whole[:cut], encoding, 1_000_000)


@given(st.binary(max_size=500), st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, gzip"]))
def test_bytes_that_nobody_packed_are_unreadable_and_never_a_crash(
    body: bytes, encoding: str
) -> None:
    with pytest.raises(BodyUnreadableError):
        read(b"\x00" + body, encoding, 1_000_000)
