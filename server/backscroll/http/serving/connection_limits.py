"""Limits the number of open connections and the duration of TLS handshakes.

Each open connection uses a file descriptor, even if it is idle. Without a limit, clients could use
up all file descriptors of the process. Then the health check and the store would fail.
"""

import asyncio
import math
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import uvicorn

from backscroll.http.serving.receiving import PunctualProtocol

MOST: Final = 4096
"""The maximum number of connections per process, even if the limit of open files allows more."""

_SHARE: Final = 2
"""`most_connections` divides the maximum number of open files by this number."""

_BATCH: Final = 16
"""Idle connections are shut down in batches. The maximum size of a batch is the maximum number of
connections divided by this number."""

CLOSING_S: Final = 1.0
"""The maximum time to wait for asyncio to close connections that were shut down, in seconds. If the
limit is still reached after this time, more connections are shut down."""


def most_connections() -> int:
    """Return the maximum number of connections of this process.

    It is half of the maximum number of open files, and at most `MOST`.
    """
    try:
        import resource
    except ImportError:  # Windows does not have RLIMIT_NOFILE
        return MOST
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files == resource.RLIM_INFINITY else min(MOST, files // _SHARE)


class BoundedServer(uvicorn.Server):
    """A uvicorn server with connection limits. It must be given open listening sockets.

    Args:
        config: uvicorn's configuration. Its HTTP protocol must be a `PunctualProtocol`.
        handshake_s: the time limit for a TLS handshake and for a TLS shutdown, in seconds.
        most: the maximum number of open connections of each listening socket; by default
            `most_connections`.
    """

    def __init__(self, config: uvicorn.Config, handshake_s: float, most: int | None = None) -> None:
        super().__init__(config)
        self._handshake_s = handshake_s
        self._most = most_connections() if most is None else most

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept connections on the given sockets, within the limits.

        Args:
            sockets: the listening sockets.
        """
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
        return self.config.http_protocol_class(  # type: ignore[call-arg]  # uvicorn calls it like this
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _used(self) -> dict[int, float]:
        """Return the time at which each connection was last used, by file descriptor.

        The time is in seconds of the event loop's clock; infinity if the connection is in use.
        """
        return {
            connection.transport.get_extra_info("socket").fileno(): (
                connection.used_at if connection.is_idle else math.inf
            )
            for connection in self.server_state.connections
            if isinstance(connection, PunctualProtocol)
        }


class Listener(socket.socket):
    """A listening socket that limits the number of open connections.

    If a new connection exceeds the limit, some idle connections are shut down: first connections
    that have never sent a request, then the least recently used connections. If no connection is
    idle, the new connection is closed.

    A connection that was shut down keeps its file descriptor until asyncio closes it, in a later
    iteration of the event loop. Within one iteration, asyncio calls `accept` repeatedly, until
    `accept` raises `BlockingIOError`. So if the limit is reached, `accept` raises this error until
    asyncio has closed the connections that were shut down.

    On Windows, the number of connections is not limited: asyncio's event loop there accepts
    connections through the operating system's `AcceptEx`, and never calls `accept`.

    Args:
        listening: a listening socket. It is duplicated, so its owner must still close it.
        most: the maximum number of open connections.
        used: returns the time at which each connection was last used, by file descriptor, in
            seconds of the event loop's clock; infinity if the connection is in use. The mapping
            does not contain connections whose TLS handshake is not complete.
        closing_s: the maximum time to wait for asyncio to close connections that were shut down, in
            seconds. If the limit is still reached after this time, more connections are shut down.
    """

    def __init__(
        self,
        listening: socket.socket,
        most: int,
        used: Callable[[], Mapping[int, float]],
        closing_s: float = CLOSING_S,
    ) -> None:
        super().__init__(
            listening.family,
            listening.type,
            listening.proto,
            listening.dup().detach(),  # not `os.dup`, which fails for sockets on Windows
        )
        self._most = most
        self._used = used
        self._closing_s = closing_s
        self._open: list[socket.socket] = []
        self._closing: list[socket.socket] = []
        self._closing_until = 0.0

    def accept(self) -> tuple[socket.socket, Any]:
        """Return a new connection and the client's address.

        Raises:
            BlockingIOError: no new connection is waiting; the limit is reached and no connection
                is idle; or the limit is reached and asyncio has not yet closed the connections
                that were shut down.
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
        """Whether to wait for asyncio to close connections that were shut down."""
        return time.monotonic() < self._closing_until and any(
            one.fileno() >= 0 for one in self._closing
        )

    def _close_some(self) -> bool:
        """Shut down some idle connections. Return whether any connection was idle."""
        used = self._used()
        closing = set(self._closing)
        idle = [
            one
            for one in self._open
            if used.get(one.fileno(), 0.0) < math.inf and one not in closing
        ]
        idle.sort(key=lambda one: used.get(one.fileno(), 0.0))
        self._closing = idle[: math.ceil(self._most / _BATCH)]
        self._closing_until = time.monotonic() + self._closing_s
        for one in self._closing:
            with suppress(OSError):  # the client has already disconnected
                one.shutdown(socket.SHUT_RDWR)
        return bool(idle)
