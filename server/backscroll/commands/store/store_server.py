"""Serves the API of the embedded store over HTTP, only on a loopback address."""

import sys
from typing import Final

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp
from uvicorn import Config, Server

from backscroll.commands.local_store import opened_store
from backscroll.process.exits import CommandError
from backscroll.process.listening import address, listen
from backscroll.process.logs import configure
from backscroll.settings.addresses import is_loopback
from backscroll.settings.model import Settings
from backscroll.upstream.connection import endpoint_of

IDLE_S: Final = 75
"""How long an idle connection stays open, in seconds. It must be longer than clients keep an idle
connection (the `openai` package: 5 seconds). Otherwise a client may send a request on a connection
that was just closed."""

_HINT: Final = """\
The store is at {url}, in OpenAI's wire format, for this machine only. Ctrl-C stops it.
  OpenAI(base_url="{url}", api_key="none").conversations.items.list(conversation_id)
"""


async def serve_store(settings: Settings, host: str, port: int) -> None:
    """Serve the store until the process is interrupted.

    Args:
        settings: the settings. Only the settings for the database, for search and for the log are
            used.
        host: a loopback address, or `localhost`.
        port: the port to listen on; 0 for any free port.

    Raises:
        CommandError: the host is not a loopback address, or listening on it fails.
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
    )
    async with opening as store:
        with listen(host, port) as listener:
            sys.stderr.write(_HINT.format(url=f"{address(host, listener)}/v1"))
            name = f"[{host}]" if ":" in host else host
            # The check of the Host header prevents DNS rebinding. A web page whose host name
            # resolves to this machine could otherwise read everything.
            app = TrustedHostMiddleware(store.app, ["localhost", name], www_redirect=False)
            await Server(configuration(app)).serve([listener])


def configuration(app: ASGIApp) -> Config:
    """Return uvicorn's configuration for serving the store."""
    return Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=5,
    )
