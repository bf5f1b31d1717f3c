"""Counts the open requests of a connection: those that are neither answered nor cancelled yet."""

import asyncio
from collections.abc import Coroutine
from typing import Final

from mcp.types import JSONRPCRequest, RequestId
from msgspec import Struct

CALL: Final = "tools/call"


class _Open(Struct, frozen=True):
    request_id: RequestId
    is_call: bool


class OpenRequests:
    """Numbers and counts the open requests.

    In the messages to the SDK, the number of a request replaces the id that the host gave it. The
    reason is that the SDK would not distinguish the ids `1` and `"1"`.

    Args:
        most: the maximum number of open tool calls, and also the maximum number of open requests
            that are not tool calls.
        drain_s: the maximum time that open requests may take after the input has ended, in seconds.

    Attributes:
        last: the number of the request that began last; 0 before the first request.
        version: the protocol version that `initialize` agreed on; empty before `initialize`.
    """

    def __init__(self, most: int, drain_s: float) -> None:
        self.most = most
        self.drain_s = drain_s
        self.stopped = False
        self._open: dict[int, _Open] = {}
        self._calls = 0
        self.last = 0
        self.version = ""
        self._changed = asyncio.Event()

    def has_room(self, request: JSONRPCRequest) -> bool:
        """Return whether a request may begin.

        A tool call may begin if fewer than `most` tool calls are open. Any other request may begin
        if fewer than `most` requests that are not tool calls are open.
        """
        others = len(self._open) - self._calls
        return (self._calls if request.method == CALL else others) < self.most

    def begin(self, request: JSONRPCRequest) -> int:
        """Count a request, and return its number."""
        self.last += 1
        opened = _Open(request.id, request.method == CALL)
        self._open[self.last] = opened
        self._calls += opened.is_call
        return self.last

    def settle(self, number: int) -> None:
        """Count a request as answered or cancelled."""
        opened = self._open.pop(number, None)
        if opened is not None:
            self._calls -= opened.is_call
            self._changed.set()

    def request_id(self, number: int) -> RequestId | None:
        """Return the host's id of the open request with this number; None if it is not open."""
        opened = self._open.get(number)
        return None if opened is None else opened.request_id

    def number_of(self, request_id: RequestId) -> int | None:
        """Return the number of the latest open request to which the host gave this id, or None."""
        numbers = reversed(self._open)
        return next((each for each in numbers if self._open[each].request_id == request_id), None)

    def stop(self) -> None:
        """Wake all waiting tasks, because the connection is stopping."""
        self.stopped = True
        self._changed.set()

    def settled(self) -> Coroutine[None, None, object]:
        """Return a coroutine that ends once a request is settled or the connection stops."""
        if not self.stopped:
            self._changed.clear()
        return self._changed.wait()

    async def none_open(self) -> None:
        """Wait until no request is open, or the connection is stopping."""
        while self._open and not self.stopped:
            await self.settled()
