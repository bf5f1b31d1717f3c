"""A process that answers HTTP requests until it is to stop."""

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
"""How long a connection is kept open for another request, in seconds: longer than load balancers
keep theirs, which would else send one into a connection that has just been closed."""

CUT_S: Final = 1
"""How long what is cut off at the end of the limit has to end, in seconds."""


def prepare(settings: Settings) -> None:
    """Give this process its log and its traces.

    Raises:
        SettingsError: the traces cannot be sent as OpenTelemetry's variables say.
    """
    configure(settings.log_level, settings.log_format)
    tracing.configure()
    audit.log.setLevel("INFO")


def freeze() -> None:
    """Keep what is there now for good: to look through all of it for garbage holds up a call."""
    gc.collect()
    gc.freeze()


async def answer(
    served: Opened,
    settings: Settings,
    listener: socket.socket,
    stopping: asyncio.Event,
    read_s: float = READ_S,
) -> None:
    """Answer requests until told to stop, and then until those under way have ended.

    Args:
        served: what answers.
        settings: of the operator: limits of time, and the certificate.
        listener: where requests come in.
        stopping: set to stop.
        read_s: how many seconds a client may let what it was sent pile up.
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
    """uvicorn, without its own way with signals, which refuses no new request and drains none."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
