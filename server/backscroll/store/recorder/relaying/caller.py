"""Notices if the caller of a request disconnects or reads nothing, so that nobody waits for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.types import Message, Send

T = TypeVar("T")

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

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`, which is cancelled if the caller disconnects first.

        Raises:
            CallerGoneError: the caller disconnected.
        """
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, self._gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise CallerGoneError
            return task.result()
        finally:
            if not task.done():
                await _cancelled(task)

    async def aclose(self) -> None:
        """Stop watching."""
        await _cancelled(self._gone)


async def _disconnected(request: Request, body_read: asyncio.Event | None) -> None:
    if body_read is not None:
        await body_read.wait()
    while (await request.receive())["type"] != "http.disconnect":
        pass  # an empty part of the body


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
