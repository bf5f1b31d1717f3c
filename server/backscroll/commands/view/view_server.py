"""Serves the page on a loopback address, and opens it in a browser."""

import os
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from threading import Thread
from typing import Final
from urllib.parse import quote

import uvicorn
from mcp import Client
from mcp.server.lowlevel import Server
from starlette.types import ASGIApp

from backscroll.commands.local_store import opened_store
from backscroll.commands.view.page_app import Access, page_app
from backscroll.mcp.server import build
from backscroll.process.listening import address, listen
from backscroll.process.logs import configure
from backscroll.process.signals import on_signals
from backscroll.settings.model import Settings
from backscroll.upstream.connection import UpstreamConnection
from backscroll.upstream.kind import is_embedded
from backscroll_tools.registry import tools_of
from backscroll_tools.toolset import MESSAGES

_HOST: Final = "127.0.0.1"

_HINT: Final = """\
The conversations are at this link, which works once. Ctrl-C stops the server.
{url}
"""

_CONNECTIONS: Final = 32
"""The maximum number of open connections. More are refused with 503."""

_CUT_S: Final = 1
"""The maximum time that open requests may take after the server was told to stop, in seconds."""


def server_for_page(settings: Settings) -> Server[UpstreamConnection]:
    """Return an MCP server with the tools of the default toolset that only read.

    Args:
        settings: the operator's settings. The server syncs no sources and answers calls with
            structured content, whatever the settings say.

    Raises:
        SettingsError: the upstream's settings are not valid.
    """
    tools = [tool for tool in tools_of([MESSAGES.name]) if not tool.writes]
    chosen = replace(
        settings,
        toolsets=(MESSAGES.name,),
        read_only=True,
        output="structured",
        sources=(),
    )
    return build(chosen, tools)


async def serve_page(
    settings: Settings, port: int, thread_id: str = "", *, opens_browser: bool
) -> None:
    """Serve the page until SIGTERM or SIGINT.

    Args:
        settings: the operator's settings, as in `server_for_page`.
        port: the port to listen on; 0 for any free port.
        thread_id: the thread that the page opens first; empty for the list of threads.
        opens_browser: whether to open the link in a browser, if there is one.

    Raises:
        CommandError: the port is in use.
        OperatorError: the store's database cannot be used.
        SettingsError: the upstream's settings are not valid.
    """
    configure(settings.log_level, settings.log_format)
    server = server_for_page(settings)
    if is_embedded(settings):
        async with opened_store(settings.database_url, indexes_tools=settings.indexes_tools):
            pass  # opening the store shows whether it can be used
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(_HOST, port))
        client = await stack.enter_async_context(Client(server))
        access = Access()
        app = page_app(client, access, listener.getsockname()[1])
        serving = _Server(_configuration(app))

        def stop() -> None:
            serving.should_exit = True

        fragment = access.code + (f"&thread={quote(thread_id, safe='')}" if thread_id else "")
        url = f"{address(_HOST, listener)}/#{fragment}"
        sys.stderr.write(_HINT.format(url=url))
        sys.stderr.flush()
        if opens_browser:
            Thread(target=_open, args=(url,), daemon=True).start()
        with on_signals(stop):
            await serving.serve([listener])


def _open(url: str) -> None:
    """Open a link in a browser, except in one that would take over the terminal."""
    has_display = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    if sys.platform in {"darwin", "win32"} or has_display:
        webbrowser.open(url)


def _configuration(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_CUT_S,
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process with another exit code."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handler."""
        yield
