"""Limits the number of open connections and the duration of TLS handshakes.

Each open connection uses a file descriptor, even an idle one. Without a limit, clients could use up
all file descriptors, and the health check and the store would fail.
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

CLOSING_S: Final = 1.0
"""How long a full server waits for connections that it shut down to be closed, in seconds."""


def most_connections() -> int:
    """Return the connection limit of a process: half its limit of open files, at most `MOST`."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files == resource.RLIM_INFINITY else min(MOST, files // _SHARE)


class BoundedServer(uvicorn.Server):
    """uvicorn with connection limits. It serves only on listening sockets that are passed to it.

    Args:
        config: uvicorn's configuration, with a `PunctualProtocol`.
        handshake_s: the time limit for a TLS handshake and for a TLS shutdown, in seconds.
        most: the maximum number of open connections; by default `most_connections`.
    """

    def __init__(self, config: uvicorn.Config, handshake_s: float, most: int | None = None) -> None:
        super().__init__(config)
        self._handshake_s = handshake_s
        self._most = most_connections() if most is None else most

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections as uvicorn does, but within the limits."""
        config = self.config
        limits: dict[str, Any] = {}
        if config.ssl is not None:
            seconds = self._handshake_s
            limits = {"ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": seconds}
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
        """Return, by file descriptor, when each connection was last used; infinity if in use."""
        return {
            connection.transport.get_extra_info("socket").fileno(): (
                connection.used_at if connection.is_idle else math.inf
            )
            for connection in self.server_state.connections
            if isinstance(connection, PunctualProtocol)
        }


class Listener(socket.socket):
    """A listening socket that limits the number of open connections.

    One connection above the limit is accepted. Some idle connections are then closed: first those
    that never sent a request, oldest first, then the least recently used. If no connection is idle,
    the new one is closed.

    Except on Windows, asyncio calls `accept` repeatedly within one turn of the event loop, until
    `accept` raises `BlockingIOError`. In later turns, asyncio closes the connections that were shut
    down, which frees their file descriptors.

    Args:
        listening: a listening socket, which is duplicated. Its owner must close it.
        most: the maximum number of open connections.
        used: returns, by file descriptor, when each connection was last used, in seconds of the
            loop's clock; infinity if it is in use. A connection is missing until its handshake is
            complete.
        closing_s: how long to wait for connections that were shut down to be closed, in seconds.
            Then others are shut down.
    """

    def __init__(
        self,
        listening: socket.socket,
        most: int,
        used: Callable[[], Mapping[int, float]],
        closing_s: float = CLOSING_S,
    ) -> None:
        super().__init__(
            listening.family, listening.type, listening.proto, os.dup(listening.fileno())
        )
        self._most = most
        self._used = used
        self._closing_s = closing_s
        self._open: list[socket.socket] = []
        self._closing: list[socket.socket] = []
        self._closing_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Return a new connection and its address.

        Raises:
            BlockingIOError: no connection is waiting, or the limit is reached: asyncio has not yet
                closed the connections that were shut down, or no connection is idle.
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
        """Whether connections that were shut down will soon be closed."""
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
        self._closing_until = time.monotonic() + self._closing_s
        for one in self._closing:
            with suppress(OSError):  # the client has already disconnected
                one.shutdown(socket.SHUT_RDWR)
        return bool(idle)
