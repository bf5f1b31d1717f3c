"""Answers HTTP requests in one process until the process is told to stop."""

import asyncio
import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import uvicorn

from backscroll.http import audit
from backscroll.http.app import Opened
from backscroll.http.serving.connection_limits import BoundedServer
from backscroll.http.serving.receiving import READ_S, protocol
from backscroll.process import tracing
from backscroll.process.logs import configure
from backscroll.settings.model import Settings

IDLE_S: Final = 75
"""How long an idle connection stays open, in seconds. This must exceed a load balancer's own idle
timeout; otherwise the balancer could send a request on a connection that has just been closed."""

CUT_S: Final = 1
"""How long requests that are cancelled at shutdown may take to end, in seconds."""


def prepare(settings: Settings) -> None:
    """Configure logging and tracing in this process.

    Raises:
        SettingsError: OpenTelemetry's variables choose an exporter that is not installed.
    """
    configure(settings.log_level, settings.log_format)
    tracing.configure()
    audit.log.setLevel("INFO")


def freeze() -> None:
    """Exclude all existing objects from garbage collection, because scanning delays requests."""
    gc.collect()
    gc.freeze()


async def answer(
    served: Opened,
    settings: Settings,
    listener: socket.socket,
    stopping: asyncio.Event,
    read_s: float = READ_S,
) -> None:
    """Answer requests until told to stop, then wait for those in progress.

    Args:
        served: the application and its shutdown state.
        settings: the operator's settings, among them time limits and the TLS certificate.
        listener: the listening socket.
        stopping: set by the caller to stop the server.
        read_s: how long a client may leave a response unread, in seconds.
    """
    config = uvicorn.Config(
        served.app,
        http=protocol(settings.http_receive_s, read_s),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ssl_certfile=settings.tls_cert_file or None,
        ssl_keyfile=settings.tls_key_file or None,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=CUT_S,
    )
    server = _Server(config, settings.http_receive_s)

    async def drain() -> None:
        await stopping.wait()
        served.stop.set()
        with anyio.move_on_after(settings.http_drain_s):
            await served.slots.empty()
        server.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(drain)
        await server.serve([listener])
        tasks.cancel_scope.cancel()


class _Server(BoundedServer):
    """uvicorn without its signal handlers, which would stop it without draining requests."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handler."""
        yield
