"""Joins the pieces of an answer that come faster than they are passed on."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

_MOST: Final = 65_536
"""How many bytes may wait before no more are read."""


async def joined(
    parts: AsyncGenerator[bytes, None], most: int = _MOST
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a body as they come, and those that have come meanwhile in one piece.

    A model server may send each token in a chunk of HTTP, and to pass a piece on costs far more
    than the tokens in it. While tokens come slowly, each is still a piece of its own.

    Args:
        parts: the pieces of the body. They are closed at the end.
        most: how many bytes may wait before no more are read. A piece may have more, if one of
            `parts` has.

    Raises:
        Exception: what `parts` raises, after the bytes before it.
    """
    waiting = bytearray()
    come, taken = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        async with aclosing(parts):
            async for part in parts:
                waiting.extend(part)
                come.set()
                if len(waiting) >= most:
                    taken.clear()
                    await taken.wait()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: come.set())
    try:
        while waiting or not reading.done():
            await come.wait()
            come.clear()
            data = bytes(waiting)
            waiting.clear()
            taken.set()
            if data:
                yield data
        reading.result()
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
