"""Serves HTTP requests in one process, until the process should stop."""

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
"""How long an idle connection stays open, in seconds. It must be longer than the idle timeout of a
load balancer. Otherwise the balancer may send a request on a connection that was just closed."""

CUT_S: Final = 1
"""At shutdown, the maximum time that cancelled requests may take to end, in seconds."""


def prepare(settings: Settings) -> None:
    """Configure logging and tracing in this process.

    Raises:
        SettingsError: OpenTelemetry's environment variables name an exporter that is not
            installed.
    """
    configure(settings.log_level, settings.log_format)
    tracing.configure()
    audit.log.setLevel("INFO")


def freeze() -> None:
    """Exclude all existing objects from garbage collection, so that it delays requests less."""
    gc.collect()
    gc.freeze()


def configuration(served: Opened, settings: Settings, read_s: float = READ_S) -> uvicorn.Config:
    """Return uvicorn's configuration for serving requests.

    Args:
        served: the application, and the state that a graceful shutdown needs.
        settings: the operator's settings, which include time limits and the TLS certificate.
        read_s: the time limit for a client that reads its response slowly, in seconds.
    """
    return uvicorn.Config(
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


async def answer(
    served: Opened,
    settings: Settings,
    listener: socket.socket,
    stopping: asyncio.Event,
) -> None:
    """Serve requests until `stopping` is set. Then wait for requests in progress.

    Args:
        served: the application, and the state that a graceful shutdown needs.
        settings: the operator's settings, which include time limits and the TLS certificate.
        listener: the listening socket.
        stopping: the event that the caller sets to stop the server.
    """
    server = _Server(configuration(served, settings), settings.http_receive_s)

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
    """uvicorn without its signal handlers, which would stop it before requests have finished."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no signal handler."""
        yield
