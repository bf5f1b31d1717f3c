"""Answers HTTP requests in one process until it is told to stop."""

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
"""How long an idle connection stays open, in seconds. It must outlast a load balancer's own idle
timeout, or the balancer could send a request on a connection that has just been closed."""

CUT_S: Final = 1
"""How long requests have to end after they are cancelled at shutdown, in seconds."""


def prepare(settings: Settings) -> None:
    """Configure logging and tracing in this process.

    Raises:
        SettingsError: the exporter that OpenTelemetry's variables choose is not installed.
    """
    configure(settings.log_level, settings.log_format)
    tracing.configure()
    audit.log.setLevel("INFO")


def freeze() -> None:
    """Exclude all present objects from garbage collection: scanning them would delay a request."""
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
        served: the application, and its shutdown state.
        settings: the operator's settings: time limits and the TLS certificate.
        listener: the listening socket.
        stopping: set by the caller to stop.
        read_s: how many seconds a client may leave the response unread.
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
        served.stop.asked = True
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
        """Leave signals alone."""
        yield
