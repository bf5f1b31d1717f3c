"""Limits the number of open connections, and the time of a TLS handshake.

Each idle connection costs this process a file descriptor, and its client nothing. Without a limit,
none would be left for the health check and the store.
"""

import asyncio
import math
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import uvicorn

from backscroll.http.serving.receiving import PunctualProtocol

MOST: Final = 4096
"""The maximum number of connections per process, even if its file limit allows more."""

_SHARE: Final = 2
_BATCH: Final = 16
_CLOSING_S: Final = 1.0


def most_connections() -> int:
    """Return how many connections a process may have: half its file limit, at most `MOST`."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files == resource.RLIM_INFINITY else min(MOST, files // _SHARE)


class BoundedServer(uvicorn.Server):
    """uvicorn with limits on connections. It serves only on sockets that it is given.

    Args:
        config: uvicorn's configuration, with a `PunctualProtocol`.
        handshake_s: how many seconds a TLS handshake may take, and a TLS shutdown.
        most: how many connections may be open; by default `most_connections`.
    """

    def __init__(self, config: uvicorn.Config, handshake_s: float, most: int | None = None) -> None:
        super().__init__(config)
        self._handshake_s = handshake_s
        self._most = most_connections() if most is None else most

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections, as uvicorn does, within the limits."""
        config = self.config
        limits: dict[str, Any] = {}
        if config.ssl is not None:
            seconds = self._handshake_s
            limits = {"ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": seconds}
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = []
        for listening in sockets or ():
            listener = Listener(listening, self._most, self._used)
            server = await loop.create_server(
                self._protocol, sock=listener, ssl=config.ssl, backlog=config.backlog, **limits
            )
            self.servers.append(server)
        self.started = True

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn calls it
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _used(self) -> dict[int, float]:
        """Return when each connection was last used, by file descriptor; infinity if in use."""
        return {
            connection.transport.get_extra_info("socket").fileno(): (
                connection.used_at if connection.is_idle else math.inf
            )
            for connection in self.server_state.connections
            if isinstance(connection, PunctualProtocol)
        }


class Listener(socket.socket):
    """A listening socket that keeps at most `most` connections open, and one more for a moment.

    If a connection comes in when all are taken, some idle ones are closed: first those that never
    sent a request, oldest first, then the least recently used. If none is idle, the new one is
    closed.

    asyncio (except on Windows) calls `accept` until it raises `BlockingIOError`, within one turn of
    the event loop. It closes connections that have been shut down, which frees their file
    descriptors, in later turns.

    Args:
        listening: a socket that already listens. Its owner closes it; this one is a duplicate.
        most: how many connections may be open.
        used: returns when each connection that has completed its handshake was last used, in
            seconds of the loop's clock, by file descriptor; infinity if it is in use.
    """

    def __init__(
        self, listening: socket.socket, most: int, used: Callable[[], Mapping[int, float]]
    ) -> None:
        super().__init__(
            listening.family, listening.type, listening.proto, os.dup(listening.fileno())
        )
        self._most = most
        self._used = used
        self._open: list[socket.socket] = []
        self._closing: list[socket.socket] = []
        self._closing_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Return a new connection and its address.

        Raises:
            BlockingIOError: no connection is waiting, or there is no room for one in this turn.
        """
        if len(self._open) >= self._most:
            self._open = [one for one in self._open if one.fileno() >= 0]
        is_full = len(self._open) >= self._most
        if is_full and self._is_closing():
            raise BlockingIOError
        connection, address = super().accept()
        if is_full and not self._close_some():
            connection.close()
            raise BlockingIOError
        self._open.append(connection)
        return connection, address

    def _is_closing(self) -> bool:
        """Whether connections that were shut down are about to make room."""
        return time.monotonic() < self._closing_until and any(
            one.fileno() >= 0 for one in self._closing
        )

    def _close_some(self) -> bool:
        """Shut down some idle connections; return whether any connection was idle."""
        used = self._used()
        told = set(self._closing)
        idle = [
            one for one in self._open if used.get(one.fileno(), 0.0) < math.inf and one not in told
        ]
        idle.sort(key=lambda one: used.get(one.fileno(), 0.0))
        self._closing = idle[: math.ceil(self._most / _BATCH)]
        self._closing_until = time.monotonic() + _CLOSING_S
        for one in self._closing:
            with suppress(OSError):  # its client was faster
                one.shutdown(socket.SHUT_RDWR)
        return bool(idle)
