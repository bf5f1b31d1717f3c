"""MCP over stdin and stdout: one JSON-RPC message per line (MCP specification, transports, stdio).

The SDK's own transport reads and writes on worker threads, which doubles the time of a call. It
also alters bytes that are not UTF-8, and leaves some lines without a reply. This transport runs on
the event loop, and replies to every line that requires a reply.
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
from backscroll.stdio.open_requests import OpenRequests
from backscroll.stdio.pipes import PipeReader, PipeWriter, open_sink, open_source

OPEN_REQUESTS: Final = 128
"""The maximum number of open requests; the next one is read after one has been answered."""

DRAIN_S: Final = 5.0
"""How long open requests may take to finish after the input has ended, in seconds."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """The input of a connection that was read before this server took over the connection.

    Attributes:
        answered: lines that were already answered; the server handles them without replying.
        unanswered: lines that were read after the answered ones.
        lines: contains the beginning of the next line.
    """

    answered: Sequence[bytes] = ()
    unanswered: Sequence[bytes | Overlong] = ()
    lines: Lines = field(default_factory=Lines)


def run(settings: Settings) -> None:
    """Serve the tools on stdin and stdout until stdin ends, or SIGTERM or SIGINT arrives.

    All other code in the process sees an empty stdin, and its stdout goes to stderr, so that a
    stray print never reaches the host.

    Raises:
        SystemExit: stdin or stdout is closed.
    """
    with claimed() as (stdin, stdout):
        take_over(settings, stdin, stdout, Opening())


def take_over(settings: Settings, stdin: int, stdout: int, opening: Opening) -> None:
    """Serve a connection that another reader opened, as `run` does."""
    logs.configure(settings.log_level, settings.log_format)
    tracing.configure()
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(mcp_server.build(settings), stdin, stdout, opening))


async def serve(  # noqa: PLR0913 - tests set smaller limits
    server: Server[Any],
    stdin: int,
    stdout: int,
    opening: Opening | None = None,
    *,
    open_requests: int = OPEN_REQUESTS,
    drain_s: float = DRAIN_S,
) -> None:
    """Serve one connection until its input ends, its output is closed, or a signal arrives.

    Args:
        server: the MCP server.
        stdin: the file descriptor to read from; left open.
        stdout: the file descriptor to write to; left open.
        opening: the input that was already read; by default none.
        open_requests: the maximum number of open requests.
        drain_s: how long open requests may take to finish after the input has ended, in seconds.
    """
    requests = OpenRequests(open_requests, drain_s)
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


class _Stream:
    """The base class of the read stream and the write stream."""

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
    """The write stream for the SDK: writes each message as one line."""

    def __init__(self, sink: PipeWriter, requests: OpenRequests) -> None:
        self._sink = sink
        self._requests = requests
        self._muted: list[RequestId | None] = []

    def mute(self, request_id: RequestId) -> None:
        """Drop the next reply to a request, because the request was already answered."""
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
            anyio.BrokenResourceError: the host no longer reads.
        """
        try:
            text = message.model_dump_json(by_alias=True, exclude_unset=True)
        except ValueError:  # a lone surrogate, which UTF-8 cannot encode
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
    """The read stream for the SDK: returns the host's messages, and answers invalid lines."""

    def __init__(
        self, source: PipeReader, writer: _Writer, requests: OpenRequests, opening: Opening
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
            anyio.EndOfStream: the input has ended, and open requests have had time to finish.
        """
        if self._answered:
            return await self._replayed(self._answered.popleft())
        while (line := await self._line()) is not None:
            match json_rpc.parse(line, whole=not self._ended):
                case Received() as received:
                    return self._session_message(received)
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

    async def _replayed(self, line: bytes) -> SessionMessage:
        """Return a message that was already answered, after the previous one was handled."""
        await self._requests.at_most(0)
        match json_rpc.parse(line):
            case Received(message=JSONRPCRequest() as message) as received:
                self._writer.mute(message.id)
                return self._session_message(received)
            case Received() as received:
                return self._session_message(received)
            case _:
                raise AssertionError("the front answers only valid lines")

    async def _line(self) -> bytes | Overlong | None:
        await self._requests.at_most(self._requests.most - 1)
        while not self._waiting and not self._ended:
            chunk = await self._source.read()
            self._ended = not chunk
            self._waiting.extend(self._lines.feed(chunk) if chunk else (self._lines.rest(),))
        if self._requests.stopped or not self._waiting:
            return None
        return self._waiting.popleft()

    def _session_message(self, received: Received) -> SessionMessage:
        if not isinstance(received.message, JSONRPCRequest):
            return SessionMessage(received.message)
        self._requests.begin()
        refused = mcp_server.RefusedLine(received.refused) if received.refused else None
        metadata = ServerMessageMetadata(
            request_context=refused, on_request_unanswered=self._requests.cancelled
        )
        return SessionMessage(received.message, metadata)
