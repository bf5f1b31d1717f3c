"""MCP over stdin and stdout: one JSON-RPC message per line (MCP specification, transports, stdio).

We do not use the SDK's transport. It reads and writes on worker threads, which doubles the time of
a call. It also changes bytes that are not UTF-8, and does not reply to some lines that require a
reply. This transport runs on the event loop, and sends every reply that is required.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any, Final

from mcp.server.lowlevel import Server

from backscroll.mcp import server as mcp_server
from backscroll.process import logs, tracing
from backscroll.process.signals import on_signals
from backscroll.settings.model import Settings
from backscroll.stdio.descriptors import claimed
from backscroll.stdio.open_requests import OpenRequests
from backscroll.stdio.pipes import is_hung_up, open_sink, open_source
from backscroll.stdio.reader import Opening, Reader
from backscroll.stdio.writer import Writer

OPEN_REQUESTS: Final = 128
"""The maximum number of open tool calls, and also the maximum number of open requests that are not
tool calls. Requests above a maximum wait."""

DRAIN_S: Final = 5.0
"""The maximum time that open requests may take after the input has ended, in seconds."""

UNREAD_S: Final = 5.0
"""The maximum time that a host may leave output unread after it has closed stdin, in seconds."""


def run(settings: Settings) -> None:
    """Serve the tools on stdin and stdout until stdin ends, or SIGTERM or SIGINT arrives.

    For all other code in the process, stdin is empty, and output to stdout goes to stderr. So text
    that a library prints does not reach the host.

    Raises:
        SystemExit: stdin or stdout is closed.
    """
    with claimed() as (stdin, stdout):
        take_over(settings, stdin, stdout, Opening())


def take_over(settings: Settings, stdin: int, stdout: int, opening: Opening) -> None:
    """Serve a connection like `run`, after `stdio.front` has read the first lines.

    Args:
        settings: the operator's settings.
        stdin: the file descriptor to read from.
        stdout: the file descriptor to write to.
        opening: the input that `stdio.front` has read.
    """
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
    unread_s: float = UNREAD_S,
) -> None:
    """Serve one connection until its input ends, its output is closed, or a signal arrives.

    Args:
        server: the MCP server.
        stdin: the file descriptor to read from. It is not closed.
        stdout: the file descriptor to write to. It is not closed.
        opening: the input that `stdio.front` has read; None if it has read nothing.
        open_requests: the maximum number of open tool calls, and also the maximum number of open
            requests that are not tool calls.
        drain_s: the maximum time that open requests may take after the input has ended, in seconds.
        unread_s: the maximum time that a host may leave output unread after it has closed stdin, in
            seconds.
    """
    requests = OpenRequests(open_requests, drain_s)
    source = await open_source(stdin)

    def stop() -> None:
        requests.stop()
        source.close()

    try:
        sink = await open_sink(stdout, stop, partial(is_hung_up, stdin), unread_s)
        writer = Writer(sink, requests)
        opening = opening or Opening()
        if opening.unsent:
            await sink.write(opening.unsent)
        with on_signals(stop):
            reader = Reader(source, writer, requests, opening)
            await server.run(reader, writer, server.create_initialization_options())
    finally:
        source.close()
