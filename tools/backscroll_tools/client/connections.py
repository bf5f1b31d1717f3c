"""Connections to upstreams, each reused only for requests of the same caller.

Each caller has its own pool. The headers of a request identify the caller. A connection is not
reused after unexpected data has arrived on it. The module `network` detects such data. This module
requires asyncio.
"""

import asyncio
import ssl
import sys
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from time import monotonic
from typing import Final, cast

import anyio
import httpcore2
import httpx2
from msgspec import Struct, field

from backscroll_tools.client.environment import proxy_of, trusted_certificates
from backscroll_tools.client.network import Network, NetworkStream

KEPT: Final = 32
"""The maximum number of idle connections that are kept for one caller."""

CALLERS: Final = 32
"""The maximum number of callers whose idle connections are kept. If there are more, the connections
of the caller that has been idle for the longest time are closed."""

IN_ALL: Final = 64
"""The maximum number of idle connections that are kept for all callers together."""

IDLE_S: Final = 5.0
"""How long a connection may be idle before it is closed, in seconds."""

CONNECT_S: Final = 10.0
"""The maximum time for opening a connection, in seconds."""

_SAME_FOR_ALL: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "content-length",
        "content-type",
        "host",
        "idempotency-key",
        "openai-beta",
        "user-agent",
    }
)
"""The headers that do not identify the caller. All other headers together identify the caller,
because any of them may contain a credential."""


def identifies_caller(header: str) -> bool:
    """Return whether a header may identify the caller.

    Args:
        header: its name, in lower case.
    """
    return header not in _SAME_FOR_ALL


class _Pool(Struct):
    """One caller's connections to one origin."""

    connections: httpcore2.AsyncConnectionPool
    active: int = 0
    idle_since: float = field(default_factory=monotonic)


class Connections(httpx2.AsyncBaseTransport):
    """Sends requests over connections that no other caller has used.

    It can also be the transport of an `httpx2.AsyncClient`, whose timeouts then count. Unlike the
    client's own transport, it reports an environment variable that cannot be used only to requests
    that need it.

    Args:
        kept: the maximum number of idle connections for one caller; 0 for none.
        callers: the maximum number of callers whose connections are kept; 1 or more.
        in_all: the maximum number of idle connections for all callers together.
        idle_s: how long a connection may be idle before it is closed, in seconds.
        connect_s: the maximum time for opening a connection, in seconds. Writing a request and
            reading a response have no time limit here, because each call has a deadline.
        most: the maximum number of concurrent requests. If there are more, they wait for as long as
            those who send them allow.
        identifies: whether a header, whose name it is given in lower case, may identify the caller.
    """

    def __init__(  # noqa: PLR0913 - the limits
        self,
        kept: int = KEPT,
        *,
        callers: int = CALLERS,
        in_all: int = IN_ALL,
        idle_s: float = IDLE_S,
        connect_s: float = CONNECT_S,
        most: int = sys.maxsize,
        identifies: Callable[[str], bool] = identifies_caller,
    ) -> None:
        self._kept = kept
        self._callers = callers
        self._in_all = in_all
        self._idle_s = idle_s
        self._identifies = identifies
        self._turns = asyncio.Semaphore(most)
        self._network = Network()
        self._pools: OrderedDict[str, _Pool] = OrderedDict()
        self.timeout = httpx2.Timeout(None, connect=connect_s)

    async def aclose(self) -> None:
        """Close all connections."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.connections.aclose()

    @property
    def open(self) -> int:
        """The number of open connections, in use or idle."""
        return sum(len(pool.connections.connections) for pool in self._pools.values())

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request as `send` does, and leave the response's body unread."""
        return await self.send(request, stream=True)

    async def send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        """Send a request, and return the response. Redirects and cookies are ignored.

        Args:
            request: the request, whose headers identify the caller.
            stream: whether to leave the body unread. If True, close the response after use.

        Raises:
            UnusableVariableError: an environment variable cannot be used.
            httpx2.TransportError: no response arrived.
        """
        caller = self._caller(request)
        await self._turns.acquire()
        try:
            pool = self._pools.get(caller) or self._new_pool(request)
        except BaseException:  # whatever it is, others need the turn
            self._turns.release()
            raise
        self._pools[caller] = pool
        pool.active += 1
        try:
            with _raised():
                core_response = await pool.connections.handle_async_request(_sent(request))
        except BaseException:
            await self.release(caller, pool)
            raise
        response = httpx2.Response(
            core_response.status,
            headers=core_response.headers,
            stream=_ResponseBody(
                self, caller, pool, cast("httpx2.AsyncByteStream", core_response.stream)
            ),
            request=request,
            extensions=core_response.extensions,
        )
        if {"content-length", "transfer-encoding"} <= response.headers.keys():
            # Implementations disagree on where a response with both headers ends (RFC 9112, section
            # 6.3), so the connection is not used again.
            cast("NetworkStream", core_response.extensions["network_stream"]).spoil()
        if not stream:
            await response.aread()
        return response

    def _new_pool(self, request: httpx2.Request) -> _Pool:
        return _Pool(
            httpcore2.AsyncConnectionPool(
                ssl_context=self._ssl_context if request.url.scheme == "https" else None,
                proxy=_proxy(request.url),
                max_connections=None,  # `lanes` limits concurrent requests
                max_keepalive_connections=self._kept,
                keepalive_expiry=self._idle_s,
                network_backend=self._network,
            )
        )

    def _caller(self, request: httpx2.Request) -> str:
        """Return a hash that identifies a request's caller and the upstream's origin."""
        url = request.url
        parts = [f"{url.scheme}://{url.host}:{url.port}"]
        parts += sorted(
            f"{name}: {value}"
            for name, value in request.headers.multi_items()
            if self._identifies(name)
        )
        return sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def _ssl_context(self) -> ssl.SSLContext:
        return trusted_certificates()

    async def release(self, caller: str, pool: _Pool) -> None:
        """Record the end of a request, and close the connections that exceed a limit."""
        self._turns.release()
        pool.active -= 1
        pool.idle_since = monotonic()
        if caller in self._pools:
            self._pools.move_to_end(caller)
        closing, left = [], self.open
        for name, one in list(self._pools.items()):
            idle = monotonic() - one.idle_since > self._idle_s
            surplus = len(self._pools) > self._callers or left > self._in_all
            if not one.active and (idle or surplus):
                closing.append(self._pools.pop(name).connections)
                left -= len(closing[-1].connections)
        with anyio.CancelScope(shield=True):
            for connections in closing:
                await connections.aclose()


class _ResponseBody(httpx2.AsyncByteStream):
    """The body of a response. The request ends when the body is closed."""

    def __init__(
        self, connections: Connections, caller: str, pool: _Pool, raw: httpx2.AsyncByteStream
    ) -> None:
        self._connections = connections
        self._caller = caller
        self._pool = pool
        self._raw = raw

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _raised():
            async for chunk in self._raw:
                yield chunk

    async def aclose(self) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await self._raw.aclose()
        finally:
            await self._connections.release(self._caller, self._pool)


def _sent(request: httpx2.Request) -> httpcore2.Request:
    url = request.url
    return httpcore2.Request(
        request.method,
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=request.headers.raw,
        content=cast("AsyncIterable[bytes]", request.stream),
        extensions=request.extensions,
    )


def _proxy(url: httpx2.URL) -> httpcore2.Proxy | None:
    """Return the proxy for a URL, or None."""
    proxy = proxy_of(url)
    if proxy is None:
        return None
    address = httpcore2.URL(
        scheme=proxy.url.raw_scheme,
        host=proxy.url.raw_host,
        port=proxy.url.port,
        target=proxy.url.raw_path,
    )
    return httpcore2.Proxy(address, auth=proxy.raw_auth)


@contextmanager
def _raised() -> Iterator[None]:
    """Convert httpcore2's errors to httpx2's errors of the same names."""
    try:
        yield
    except (
        httpcore2.TimeoutException,
        httpcore2.NetworkError,
        httpcore2.ProtocolError,
        httpcore2.ProxyError,
        httpcore2.UnsupportedProtocol,
    ) as error:
        same: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
        raise same(str(error)) from error
