"""`backscroll store`: the embedded store's wire format, served on this machine alone."""

import ipaddress
import os
import socket
import sys
from typing import Final

from starlette.middleware.trustedhost import TrustedHostMiddleware
from uvicorn import Config, Server

from backscroll.exits import CommandError
from backscroll.logs import configure
from backscroll.opening import opened_store
from backscroll.settings import Settings

_HINT: Final = """\
The store is at {url}: OpenAI's wire format, for this machine alone. Ctrl-C stops it.
  OpenAI(base_url="{url}", api_key="none").beta.threads.messages.list(thread_id)
"""


async def serve_store(settings: Settings, host: str, port: int) -> None:
    """Serve the store until the process is interrupted.

    Args:
        settings: the database and the log level.
        host: a loopback address, or `localhost`.
        port: 0 for any that is free.

    Raises:
        CommandError: a host that others can reach, or an address that is not to be had.
        StoreError: the database cannot be used.
    """
    if not _is_loopback(host):
        raise CommandError(
            f"--host {host} would let others in, and the store asks nobody who they are: "
            "use 127.0.0.1, ::1 or localhost"
        )
    configure(settings.log_level)
    async with opened_store(settings.database_url) as store:
        with _listen(host, port) as listener:
            name = f"[{host}]" if ":" in host else host
            sys.stderr.write(_HINT.format(url=f"http://{name}:{listener.getsockname()[1]}/v1"))
            # A page in a browser can have its own name resolved to this machine, and would then
            # read everything; its requests keep that name.
            app = TrustedHostMiddleware(store.app, ["localhost", name], www_redirect=False)
            config = Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
            await Server(config).serve([listener])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(
            f"port {port} of {host} is not to be had ({os.strerror(error.errno or 0)}): "
            "choose another with --port"
        ) from None
    # Named as TCP: only then does asyncio send a reply's parts at once, instead of 40 ms apart.
    return socket.socket(family, proto=socket.IPPROTO_TCP, fileno=listening.detach())
