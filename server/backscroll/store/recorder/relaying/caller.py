"""Notices if the caller of a request disconnects or reads nothing, so that nobody waits for it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.requests import Request
from starlette.types import Message, Send

_PIECE: Final = 65_536
"""How much of a body is sent at once, in bytes. A server buffers about as much."""


class CallerGoneError(Exception):
    """The caller has disconnected, or reads nothing."""


def while_reading(send: Send, idle_s: float) -> Send:
    """Return what sends to a caller as `send` does, but gives up a caller that reads nothing.

    It sends a body in pieces, and raises `CallerGoneError` if the caller does not take the next
    one within `idle_s` seconds, or has been given up before.
    """
    is_given_up = False

    async def send_piece(message: Message) -> None:
        nonlocal is_given_up
        if is_given_up:
            raise CallerGoneError
        try:
            async with asyncio.timeout(idle_s):
                await send(message)
        except TimeoutError:
            is_given_up = True
            raise CallerGoneError from None

    async def send_within(message: Message) -> None:
        body: bytes = message.get("body", b"")
        if len(body) <= _PIECE:
            await send_piece(message)
            return
        last = (len(body) - 1) // _PIECE * _PIECE
        for start in range(0, last, _PIECE):
            piece = body[start : start + _PIECE]
            await send_piece({**message, "body": piece, "more_body": True})
        await send_piece({**message, "body": body[last:]})

    return send_within


class Caller:
    """Watches the connection of the caller until `aclose` is called.

    Args:
        request: the caller's request.
        body_read: set once the request's body has been read, which must be done before the
            connection can be watched; None if it has been read already.
    """

    def __init__(self, request: Request, body_read: asyncio.Event | None = None) -> None:
        self._gone = asyncio.create_task(_disconnected(request, body_read))

    @asynccontextmanager
    async def needed(self) -> AsyncIterator[None]:
        """Cancel what runs while this is open as soon as the caller disconnects.

        Raises:
            CallerGoneError: the caller disconnected.
        """
        limit = asyncio.timeout(None)
        try:
            async with limit:

                def end(_gone: object) -> None:
                    with suppress(RuntimeError):  # the block has been left meanwhile
                        limit.reschedule(0)

                self._gone.add_done_callback(end)
                try:
                    yield
                finally:
                    self._gone.remove_done_callback(end)
        except TimeoutError:
            if limit.expired():
                raise CallerGoneError from None
            raise

    async def aclose(self) -> None:
        """Stop watching."""
        self._gone.cancel()
        await asyncio.gather(self._gone, return_exceptions=True)


async def _disconnected(request: Request, body_read: asyncio.Event | None) -> None:
    if body_read is not None:
        await body_read.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass  # an empty part of the body
