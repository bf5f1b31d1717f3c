"""Serves the API of the embedded store over HTTP, only on a loopback address."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from socket import socket
from typing import Final, cast
from urllib.parse import urlsplit

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp
from uvicorn import Config, Server

from backscroll.commands.local_store import opened_store
from backscroll.process.exits import CommandError
from backscroll.process.listening import address, listen
from backscroll.process.logs import configure
from backscroll.settings.addresses import is_loopback
from backscroll.settings.model import Settings
from backscroll.store.recorder.model_server import ModelServer, Record, State
from backscroll.upstream.connection import endpoint_of

IDLE_S: Final = 75
"""How long an idle connection stays open, in seconds. It must be longer than clients keep an idle
connection (the `openai` package: 5 seconds). Otherwise a client may send a request on a connection
that was just closed."""

_RECORDED_S: Final = 5.0
"""How long requests may take to end after they were cancelled, in seconds."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_HINT: Final = """\
The store is at {url}, in OpenAI's wire format, for this machine only. Ctrl-C stops it.
  OpenAI(base_url="{url}", api_key="none").conversations.items.list(conversation_id)
"""
_RECORDING: Final = """\
It passes requests on to the model server, and records {what} (--record {record}):
  OpenAI(base_url="{url}").responses.create(model="…", input="…")
"""

_WHAT: Final = {
    "api": "what OpenAI's API would keep",
    "all": "every answer",
    "none": "nothing",
    "best-effort": "what OpenAI's API would keep, if it can",
}
"""What is recorded, for each value of the setting."""


async def serve_store(settings: Settings, host: str, port: int) -> None:
    """Serve the store until the process is interrupted.

    Args:
        settings: the settings. Only the settings for the database, for search, for the log and for
            the model server are used.
        host: a loopback address, or `localhost`.
        port: the port to listen on; 0 for any free port.

    Raises:
        CommandError: the host is not a loopback address, or listening on it fails; or the model
            server is this store.
        StoreError: the database cannot be used.
    """
    if not is_loopback(host):
        raise CommandError(
            f"--host {host} would let other machines connect, and the store has no authentication: "
            "use 127.0.0.1, ::1 or localhost"
        )
    configure(settings.log_level, settings.log_format)
    opening = opened_store(
        settings.database_url,
        indexes_tools=settings.indexes_tools,
        endpoint=endpoint_of(settings),
        days_of=settings.days_of,
        standby=settings.database_read,
        model_server=model_server_of(settings),
    )
    async with opening as store:
        with listen(host, port) as listener:
            _refuse_loop(settings.model_url, listener.getsockname()[1])
            url = f"{address(host, listener)}/v1"
            sys.stderr.write(_HINT.format(url=url))
            if settings.model_url:
                record = settings.record
                what = _WHAT[record]
                sys.stderr.write(_RECORDING.format(url=url, record=record, what=what))
            name = f"[{host}]" if ":" in host else host
            # The check of the Host header prevents DNS rebinding. A web page whose host name
            # resolves to this machine could otherwise read everything.
            app = TrustedHostMiddleware(store.app, ["localhost", name], www_redirect=False)
            await StoreServer(configuration(app), store.stop).serve([listener])


class StoreServer(Server):
    """A server that lets the requests it cancels end before it stops.

    The recorder then records what callers got of their answers. uvicorn does not wait for it, and
    a SIGTERM ends the process as soon as `serve` would return.

    Args:
        config: uvicorn's configuration.
        stop: ends what runs for no caller.
    """

    def __init__(self, config: Config, stop: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._stop = stop

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop, as `Server.shutdown` does, and wait for cancelled requests.

        What runs for no caller is ended at once, because callers may follow it.
        """
        ending = asyncio.ensure_future(self._stop())
        await super().shutdown(sockets)
        if running := set(self.server_state.tasks):
            await asyncio.wait(running, timeout=_RECORDED_S)
        await ending
        await self._stop()  # what the last requests began


def model_server_of(settings: Settings) -> ModelServer | None:
    """Return the model server to record; None if none is configured."""
    if not settings.model_url:
        return None
    return ModelServer(
        url=settings.model_url,
        key=settings.model_key,
        record=cast("Record", settings.record),
        state=cast("State", settings.model_state),
    )


def _refuse_loop(model_url: str, port: int) -> None:
    """Refuse a model server that is the store itself.

    Raises:
        CommandError: the URL has a loopback address and the store's port.
    """
    url = urlsplit(model_url)
    if is_loopback(url.hostname or "") and port == (url.port or _DEFAULT_PORTS.get(url.scheme)):
        raise CommandError(
            f"--forward {model_url} is the address of this store itself: give the base URL of a "
            "model server"
        )


def configuration(app: ASGIApp) -> Config:
    """Return uvicorn's configuration for serving the store."""
    return Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=5,
    )
