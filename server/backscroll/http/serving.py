"""`backscroll serve --transport http`: everything opened, served until it is to stop, closed."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import uvicorn

from backscroll import tracing
from backscroll.http import access, audit, tls
from backscroll.http.app import Opened, opened
from backscroll.http.endpoint import PATH
from backscroll.http.receiving import protocol
from backscroll.listening import address, listen
from backscroll.logs import configure
from backscroll.settings import Settings
from backscroll.signals import on_signals

IDLE_S: Final = 75
"""How long a connection is kept open for another request, in seconds: longer than load balancers
keep theirs, which would else send one into a connection that has just been closed."""

_CUT_S: Final = 1
_HINT: Final = "Backscroll serves MCP at {url}, to {whom}. Ctrl-C stops it.\n"
_WHOM: Final = {
    "none": "whatever runs on this machine",
    "token": "who has a token (backscroll token create)",
    "oauth": "who has a token of {issuer}",
}


def run(settings: Settings, host: str, port: int) -> None:
    """Serve MCP over HTTP, with a log and traces; as `serve` in all else."""
    configure(settings.log_level, settings.log_format)
    tracing.configure()
    asyncio.run(serve(settings, host, port))


async def serve(settings: Settings, host: str, port: int) -> None:
    """Serve MCP over HTTP until the process is told to stop, and what runs then has ended.

    Args:
        settings: of the operator.
        host: what to listen on.
        port: 0 for any that is free.

    Raises:
        CommandError: the address, the certificate, the database, the issuer or the settings
            cannot be used together.
        SettingsError: the upstream cannot be asked.
        StoreError: the database cannot be used.
    """
    audit.log.setLevel("INFO")
    allowed = access.allowed(settings, host)
    tls.check(settings)
    with listen(host, port) as listener:
        async with opened(settings, allowed) as served:
            scheme = "https" if settings.tls_cert_file else "http"
            whom = _WHOM[settings.http_auth].format(issuer=settings.oauth_issuer)
            url = address(host, listener, scheme) + PATH
            sys.stderr.write(_HINT.format(url=url, whom=whom))
            stopping = asyncio.Event()
            with on_signals(stopping.set):
                await answer(served, settings, listener, stopping)


async def answer(
    served: Opened, settings: Settings, listener: socket.socket, stopping: asyncio.Event
) -> None:
    """Answer requests until told to stop, and then until those under way have ended.

    Args:
        served: what answers.
        settings: of the operator: limits of time, and the certificate.
        listener: where requests come in.
        stopping: set to stop.
    """
    config = uvicorn.Config(
        served.app,
        http=protocol(settings.http_receive_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert_file or None,
        ssl_keyfile=settings.tls_key_file or None,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=_CUT_S,
    )
    server = _Server(config)

    async def drain() -> None:
        await stopping.wait()
        served.stop.asked = True
        with anyio.move_on_after(settings.http_drain_s):
            await served.places.empty()
        server.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drain)
        await server.serve([listener])
        tasks.cancel_scope.cancel()


class _Server(uvicorn.Server):
    """uvicorn, without its own way with signals, which refuses no new request and drains none."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
