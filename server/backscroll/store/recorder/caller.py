"""Notices when the caller of a request disconnects, so that nobody waits for its answer."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

T = TypeVar("T")


class CallerGoneError(Exception):
    """The caller has disconnected."""


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
