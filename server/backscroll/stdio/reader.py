"""Reads lines from stdin, and passes them to the SDK as parsed messages.

The number of open requests is limited. Otherwise they could exhaust memory if a host does not read
the replies. A request above the limit waits in this module, while later lines are read. So a ping
is answered, and a request can be cancelled, even if many calls take long.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Self

import anyio
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import (
    CONNECTION_CLOSED,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
)
from msgspec import Struct, field

from backscroll.mcp import json_rpc
from backscroll.mcp.json_rpc import Dropped, Parsed, Received
from backscroll.mcp.lines import LINE_BYTES, Lines, Overlong
from backscroll.mcp.server import RefusedLine
from backscroll.stdio.open_requests import OpenRequests
from backscroll.stdio.pipes import PipeReader
from backscroll.stdio.writer import Stream, Writer

WAITING: Final = 1024
"""The maximum number of waiting requests. While this many wait, no more lines are read."""

WAITING_BYTES: Final = LINE_BYTES
"""The maximum total size of the waiting requests, in bytes. While they have this size or more, no
more lines are read."""

_CLOSE_S: Final = 1.0
"""The time limit for sending the errors for waiting requests when the connection ends, in seconds.
"""

_log: Final = logging.getLogger(__name__)


class Opening(Struct, frozen=True):
    """The input of a connection that `stdio.front` read before the SDK's server was started.

    Attributes:
        answered: the lines that have been answered. The server handles them, but sends no reply.
        unanswered: the lines that were read after those in `answered`.
        lines: splits the input into lines, and may already contain the beginning of a line.
        unsent: the end of the last reply, if the host's pipe has not had space for it yet.
    """

    answered: Sequence[bytes] = ()
    unanswered: Sequence[bytes | Overlong] = ()
    lines: Lines = field(default_factory=Lines)
    unsent: bytes = b""


class _Waiting(Struct, frozen=True):
    received: Received
    request: JSONRPCRequest
    size: int


class Reader(Stream):
    """The stream from which the SDK reads messages. It also replies to invalid lines."""

    def __init__(
        self, source: PipeReader, writer: Writer, requests: OpenRequests, opening: Opening
    ) -> None:
        self._source = source
        self._writer = writer
        self._requests = requests
        self._answered = deque(opening.answered)
        self._splitter = opening.lines
        self._lines = deque(opening.unanswered)
        self._batch: deque[Parsed] = deque()
        self._waiting: list[_Waiting] = []
        self._batch_size = 0
        self._reading: asyncio.Task[bytes] | None = None
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def receive(self) -> SessionMessage:
        """Return the next message for the server.

        Raises:
            anyio.EndOfStream: the input has ended, and open requests have finished or their time
                limit has passed.
        """
        if self._answered:
            return await self._replayed(self._answered.popleft())
        while not self._requests.stopped:
            if (waiting := self._with_room()) is not None:
                return self._begun(waiting.received, waiting.request)
            if (self._batch or self._lines) and not self._is_full():
                message = await self._message(*self._parsed())
                if message is not None:
                    return message
            elif not self._ended and not self._is_full():
                await self._read_more()
            elif not self._waiting or not await self._settled():
                break
        await self._drain()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Stop reading."""
        if self._reading is not None:
            self._reading.cancel()

    async def _replayed(self, line: bytes) -> SessionMessage:
        """Wait until no request is open, and return the message of an already answered line."""
        await self._requests.none_open()
        match json_rpc.parse(line):
            case Received(message=JSONRPCRequest() as request) as received:
                message = self._begun(received, request)
                self._writer.mute(self._requests.last)
                return message
            case Received() as received:
                return SessionMessage(received.message)
            case _:
                raise AssertionError("the front answers only valid lines")

    def _parsed(self) -> tuple[Parsed, int]:
        """Return the next message, and the size of its line in bytes.

        Each message of a batch gets a separate reply. Hosts that send batches accept this.
        """
        if not self._batch:
            line = self._lines.popleft()
            if self._requests.version != json_rpc.WITH_BATCHES or isinstance(line, Overlong):
                return json_rpc.parse(line, whole=not self._ended), _size(line)
            batch = json_rpc.parse_batch(line, WAITING)
            if batch is None:
                return json_rpc.parse(line, whole=not self._ended), _size(line)
            if isinstance(batch, JSONRPCError):
                return batch, _size(line)
            self._batch.extend(batch)
            self._batch_size = len(line) // len(batch)
        return self._batch.popleft(), self._batch_size

    async def _message(self, parsed: Parsed, size: int) -> SessionMessage | None:
        """Return the message that the server has to handle.

        Return None if the parsed line is ignored, answered here, or kept as a waiting request.
        """
        match parsed:
            case Received(message=JSONRPCRequest() as request) as received:
                if self._requests.has_room(request):
                    return self._begun(received, request)
                self._waiting.append(_Waiting(received, request, size))
            case Received(message=JSONRPCNotification(method="notifications/cancelled") as message):
                return self._cancellation(message)
            case Received() as received:
                return SessionMessage(received.message)
            case JSONRPCError() as error:
                _log.info("refused a line: %s", error.error.code)
                with suppress(anyio.BrokenResourceError):
                    await self._writer.write(error)
            case Dropped(reason):
                _log.warning("ignored a line: %s", reason)
            case None:
                pass
        return None

    def _cancellation(self, message: JSONRPCNotification) -> SessionMessage | None:
        """Cancel a waiting request, or return the message that cancels an open request in the SDK.

        The message's `requestId` must have the same type and the same value as the request's id
        (MCP specification, cancellation). Otherwise nothing is cancelled.
        """
        params = message.params or {}
        request_id = params.get("requestId")
        if not json_rpc.is_id(request_id):
            return None
        kept = [each for each in self._waiting if each.request.id != request_id]
        if len(kept) < len(self._waiting):
            self._waiting = kept
            return None
        number = self._requests.number_of(request_id)
        if number is None:
            return None
        params = {**params, "requestId": number}
        return SessionMessage(message.model_copy(update={"params": params}))

    def _begun(self, received: Received, request: JSONRPCRequest) -> SessionMessage:
        number = self._requests.begin(request)
        request.id = number
        refused = RefusedLine(received.refused) if received.refused else None

        async def unanswered() -> None:
            self._requests.settle(number)

        metadata = ServerMessageMetadata(request_context=refused, on_request_unanswered=unanswered)
        return SessionMessage(request, metadata)

    def _with_room(self) -> _Waiting | None:
        """Remove and return the first waiting request that may begin; return None if none may."""
        for at, waiting in enumerate(self._waiting):
            if self._requests.has_room(waiting.request):
                return self._waiting.pop(at)
        return None

    def _is_full(self) -> bool:
        size = sum(waiting.size for waiting in self._waiting)
        return len(self._waiting) >= WAITING or size >= WAITING_BYTES

    async def _read_more(self) -> None:
        """Read the next bytes, but return early if a waiting request may begin in the meantime."""
        if self._waiting or self._reading is not None:
            self._reading = self._reading or asyncio.create_task(self._source.read())
            settled = asyncio.create_task(self._requests.settled())
            try:
                await asyncio.wait({self._reading, settled}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                settled.cancel()
            if not self._reading.done():
                return
            chunk, self._reading = self._reading.result(), None
        else:
            chunk = await self._source.read()
        self._ended = not chunk
        self._lines.extend(self._splitter.feed(chunk) if chunk else (self._splitter.rest(),))

    async def _settled(self) -> bool:
        """Wait until an open request is settled, and return True.

        After the input has ended, wait for at most `drain_s` seconds, and then return False.
        """
        try:
            async with asyncio.timeout(self._requests.drain_s if self._ended else None):
                await self._requests.settled()
        except TimeoutError:
            return False
        return True

    async def _drain(self) -> None:
        """Let open requests finish, or reply to waiting requests with an error.

        If no request is waiting, give the open requests at most `drain_s` seconds to finish. If
        requests are waiting, send the errors immediately, because the time limit has passed or the
        connection is stopping.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._requests.drain_s if not self._waiting else 0):
                await self._requests.none_open()
        closed = ErrorData(code=CONNECTION_CLOSED, message="Connection closed")
        with suppress(TimeoutError, anyio.BrokenResourceError):
            async with asyncio.timeout(_CLOSE_S):
                for waiting in self._waiting:
                    error = JSONRPCError(jsonrpc="2.0", id=waiting.request.id, error=closed)
                    await self._writer.write(error)


def _size(line: bytes | Overlong) -> int:
    return line.size if isinstance(line, Overlong) else len(line)
