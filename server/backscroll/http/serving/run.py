"""Runs `backscroll serve --transport http`."""

import asyncio
import socket
import sys
from contextlib import ExitStack
from functools import partial
from typing import Final

from backscroll.http.app import opened
from backscroll.http.auth import access
from backscroll.http.endpoint import PATH
from backscroll.http.serving import supervisor, tls
from backscroll.http.serving.answering import answer, freeze, prepare
from backscroll.process.listening import address, listen_apart
from backscroll.process.signals import on_signals
from backscroll.settings.model import Settings

_HINT: Final = "Backscroll serves MCP at {url}, for {whom}. Ctrl-C stops it.\n"
_WHOM: Final = {
    "none": "any program on this machine",
    "token": "callers with a token (backscroll token create)",
    "oauth": "callers with a token from {issuer}",
}


def run(settings: Settings, host: str, port: int) -> None:
    """Configure logging and tracing, then run `serve`, which documents the arguments and errors."""
    prepare(settings)
    asyncio.run(serve(settings, host, port))


async def serve(settings: Settings, host: str, port: int) -> None:
    """Serve MCP over HTTP until SIGTERM or SIGINT. Then wait for requests in progress.

    Args:
        settings: the operator's settings.
        host: the address to listen on.
        port: the port to listen on; 0 for any free port.

    Raises:
        CommandError: the address, the TLS certificate, the store's database or the token issuer
            cannot be used, the settings contradict each other, or a worker cannot start.
        SettingsError: the upstream's settings are not valid.
        StoreError: the token database cannot be used.
    """
    allowed = access.allowed(settings, host)
    tls.check(settings)
    stopping = asyncio.Event()
    with ExitStack() as stack:
        listeners = listen_apart(host, port, settings.http_workers)
        for listener in listeners:
            stack.enter_context(listener)
        say = partial(_say, settings, host, listeners[0])
        if settings.http_workers > 1:
            with on_signals(stopping.set):
                await supervisor.supervise(settings, host, listeners, stopping, say)
        else:
            async with opened(settings, allowed) as served:
                say()
                freeze()
                with on_signals(stopping.set):
                    await answer(served, settings, listeners[0], stopping)


def _say(settings: Settings, host: str, listener: socket.socket) -> None:
    scheme = "https" if settings.tls_cert_file else "http"
    whom = _WHOM[settings.http_auth].format(issuer=settings.oauth_issuer)
    url = address(host, listener, scheme) + PATH
    sys.stderr.write(_HINT.format(url=url, whom=whom))
