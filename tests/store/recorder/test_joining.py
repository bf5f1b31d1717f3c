"""Pieces of an answer that come faster than they are passed on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll.store.recorder.relaying.joining import joined


class Parts:
    """A body in parts, which come at once up to each pause."""

    def __init__(self, *parts: bytes | None, error: Exception | None = None) -> None:
        self.taken = 0
        self.is_closed = False
        self._parts = parts
        self._error = error
        self.goes_on = asyncio.Event()

    async def come(self) -> AsyncGenerator[bytes, None]:
        """Yield the parts."""
        try:
            for part in self._parts:
                if part is None:
                    await self.goes_on.wait()
                    self.goes_on.clear()
                else:
                    self.taken += 1
                    yield part
            if self._error is not None:
                raise self._error
        finally:
            self.is_closed = True


@given(st.lists(st.binary(max_size=5) | st.none(), max_size=20), st.integers(1, 20))
def test_no_byte_is_lost_or_moved(parts: list[bytes | None], most: int) -> None:
    async def read() -> bytes:
        body = Parts(*parts)
        found = b""
        reading = joined(body.come(), most)
        while True:
            next_piece = asyncio.ensure_future(anext(reading, None))
            while not next_piece.done():
                body.goes_on.set()
                await asyncio.sleep(0)
            piece = await next_piece
            if piece is None:
                return found
            found += piece

    assert asyncio.run(read()) == b"".join(part for part in parts if part is not None)


async def test_what_comes_at_once_is_one_piece_and_what_comes_later_another() -> None:
    body = Parts(b"a", b"b", None, b"c", b"", b"d")
    async with aclosing(joined(body.come())) as pieces:
        assert await anext(pieces) == b"ab"
        body.goes_on.set()
        assert [piece async for piece in pieces] == [b"cd"]


async def test_no_more_is_read_while_enough_waits() -> None:
    body = Parts(*[b"12"] * 100)
    async with aclosing(joined(body.come(), most=10)) as pieces:
        found = [await anext(pieces)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert body.taken <= 10
        found += [piece async for piece in pieces]

    assert found == [b"12" * 5] * 20


async def test_an_error_comes_after_the_bytes_before_it() -> None:
    pieces = joined(Parts(b"a", error=ConnectionError("cut off")).come())

    assert await anext(pieces) == b"a"
    with pytest.raises(ConnectionError, match="cut off"):
        await anext(pieces)


@pytest.mark.parametrize("second", [None, b"b"], ids=["that waits", "that is ahead"])
async def test_a_body_is_closed_with_whoever_reads_it(second: bytes | None) -> None:
    body = Parts(b"a", second, b"c")
    async with aclosing(joined(body.come(), most=1)) as pieces:
        assert await anext(pieces) == b"a"
    assert body.is_closed
