"""MCP over stdin and stdout: one JSON-RPC message a line (MCP specification, transports, stdio).

The SDK's own transport reads and writes on worker threads, which doubles the time of a call,
alters bytes that are not UTF-8, and leaves some lines without an answer. This one stays on the
event loop, and answers every line that asks for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import anyio
from mcp.server.lowlevel import Server
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.types import (
    INTERNAL_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from backscroll.mcp import json_rpc
from backscroll.mcp import server as mcp_server
from backscroll.mcp.json_rpc import Dropped, Received
from backscroll.mcp.lines import Lines, Overlong
from backscroll.process import logs, tracing
from backscroll.process.signals import on_signals
from backscroll.settings.model import Settings
from backscroll.stdio.descriptors import claimed
from backscroll.stdio.pipes import PipeReader, PipeWriter, open_sink, open_source

OPEN_REQUESTS: Final = 128
"""The most requests that are worked on at once; the next is read when one is answered."""

DRAIN_S: Final = 5.0
"""How many seconds requests that were read before the input ended still have."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """How a connection began before this server took it over.

    Attributes:
        answered: lines that have had their answers, for the server to catch up on.
        unanswered: lines that were read behind them.
        lines: what has arrived of the line after those.
    """

    answered: Sequence[bytes] = ()
    unanswered: Sequence[bytes | Overlong] = ()
    lines: Lines = field(default_factory=Lines)


def run(settings: Settings) -> None:
    """Serve the tools on stdin and stdout until stdin ends, or SIGTERM or SIGINT comes.

    Meanwhile stdin is empty and stdout is stderr to everything else in the process, so that a
    stray print never reaches the host.

    Raises:
        SystemExit: stdin or stdout is closed.
    """
    with claimed() as (stdin, stdout):
        take_over(settings, stdin, stdout, Opening())


def take_over(settings: Settings, stdin: int, stdout: int, opening: Opening) -> None:
    """Serve a connection that has begun, as `run` does."""
    logs.configure(settings.log_level, settings.log_format)
    tracing.configure()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(mcp_server.build(settings), stdin, stdout, opening))


async def serve(  # noqa: PLR0913 - its limits are smaller in tests
    server: Server[Any],
    stdin: int,
    stdout: int,
    opening: Opening | None = None,
    *,
    open_requests: int = OPEN_REQUESTS,
    drain_s: float = DRAIN_S,
) -> None:
    """Serve one connection until its input ends, nobody reads its output, or a signal comes.

    Args:
        server: the MCP server.
        stdin: the file descriptor to read from; left open.
        stdout: the file descriptor to write to; left open.
        opening: how the connection began; by default it begins now.
        open_requests: the most requests that are worked on at once.
        drain_s: how many seconds requests that were read before the input ended still have.
    """
    requests = _OpenRequests(open_requests, drain_s)
    source = await open_source(stdin)

    def stop() -> None:
        requests.stop()
        source.close()

    try:
        writer = _Writer(await open_sink(stdout, lost=stop), requests)
        with on_signals(stop):
            reader = _Reader(source, writer, requests, opening or Opening())
            await server.run(reader, writer, server.create_initialization_options())
    finally:
        source.close()


class _OpenRequests:
    """How many requests have been read and not been settled: answered, or cancelled."""

    def __init__(self, most: int, drain_s: float) -> None:
        self.most = most
        self.drain_s = drain_s
        self.stopped = False
        self._open = 0
        self._changed = asyncio.Event()

    def begin(self) -> None:
        self._open += 1

    def settle(self) -> None:
        self._open -= 1
        self._changed.set()

    async def cancelled(self) -> None:
        self.settle()

    def stop(self) -> None:
        self.stopped = True
        self._changed.set()

    async def at_most(self, count: int) -> None:
        """Wait until no more than `count` are open, or the connection is to stop."""
        while self._open > count and not self.stopped:
            self._changed.clear()
            await self._changed.wait()


class _Stream:
    """What the SDK's read and write streams have in common."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the stream."""


class _Writer(_Stream):
    """The SDK's write stream: what the server sends, a line a message."""

    def __init__(self, sink: PipeWriter, requests: _OpenRequests) -> None:
        self._sink = sink
        self._requests = requests
        self._muted: list[RequestId | None] = []

    def mute(self, request_id: RequestId) -> None:
        """Drop the answer to a request: it has had one."""
        self._muted.append(request_id)

    async def send(self, item: SessionMessage) -> None:
        message = item.message
        try:
            if isinstance(message, JSONRPCResponse | JSONRPCError) and message.id in self._muted:
                self._muted.remove(message.id)
            else:
                await self.write(message)
        finally:
            if isinstance(message, JSONRPCResponse | JSONRPCError):
                self._requests.settle()

    async def write(self, message: JSONRPCMessage) -> None:
        """Write a message.

        Raises:
            anyio.BrokenResourceError: nobody reads any more.
        """
        try:
            text = message.model_dump_json(by_alias=True, exclude_unset=True)
        except ValueError:  # a lone surrogate, which has no UTF-8
            if not isinstance(message, JSONRPCResponse | JSONRPCError):
                raise
            _log.exception("a reply cannot be written")
            failed = ErrorData(code=INTERNAL_ERROR, message="The reply cannot be written as JSON.")
            message = JSONRPCError(jsonrpc="2.0", id=message.id, error=failed)
            text = message.model_dump_json(by_alias=True, exclude_unset=True)
        try:
            await self._sink.write(text.encode() + b"\n")
        except BrokenPipeError:
            raise anyio.BrokenResourceError from None

    async def aclose(self) -> None:
        await self._sink.aclose()


class _Reader(_Stream):
    """The SDK's read stream: what the host sends, after flawed lines were answered."""

    def __init__(
        self, source: PipeReader, writer: _Writer, requests: _OpenRequests, opening: Opening
    ) -> None:
        self._source = source
        self._writer = writer
        self._requests = requests
        self._answered = deque(opening.answered)
        self._lines = opening.lines
        self._waiting = deque(opening.unanswered)
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
            anyio.EndOfStream: the input has ended, and what was read before has had its time.
        """
        if self._answered:
            return await self._caught_up(self._answered.popleft())
        while (line := await self._line()) is not None:
            match json_rpc.parse(line, whole=not self._ended):
                case Received() as received:
                    return self._handed_on(received)
                case JSONRPCError() as error:
                    _log.info("refused a line: %s", error.error.code)
                    with suppress(anyio.BrokenResourceError):
                        await self._writer.write(error)
                case Dropped(reason):
                    _log.warning("ignored a line: %s", reason)
                case None:
                    pass
        with suppress(TimeoutError):
            async with asyncio.timeout(self._requests.drain_s):
                await self._requests.at_most(0)
        raise anyio.EndOfStream

    async def _caught_up(self, line: bytes) -> SessionMessage:
        """Return a message that has been answered; each waits for the one before it."""
        await self._requests.at_most(0)
        match json_rpc.parse(line):
            case Received(message=JSONRPCRequest() as message) as received:
                self._writer.mute(message.id)
                return self._handed_on(received)
            case Received() as received:
                return self._handed_on(received)
            case _:
                raise AssertionError("only sound lines are answered early")

    async def _line(self) -> bytes | Overlong | None:
        await self._requests.at_most(self._requests.most - 1)
        while not self._waiting and not self._ended:
            chunk = await self._source.read()
            self._ended = not chunk
            self._waiting.extend(self._lines.feed(chunk) if chunk else (self._lines.rest(),))
        if self._requests.stopped or not self._waiting:
            return None
        return self._waiting.popleft()

    def _handed_on(self, received: Received) -> SessionMessage:
        if not isinstance(received.message, JSONRPCRequest):
            return SessionMessage(received.message)
        self._requests.begin()
        refused = mcp_server.RefusedLine(received.refused) if received.refused else None
        metadata = ServerMessageMetadata(
            request_context=refused, on_request_unanswered=self._requests.cancelled
        )
        return SessionMessage(received.message, metadata)
