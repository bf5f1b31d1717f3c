"""Connections that know what has arrived on them, so that nothing is taken for what it is not.

HTTP/1.1 tells which request a response answers by their order alone (RFC 9112, section 9.3.1). What
arrives while no request is waiting is no response to any (section 9.2): a pool that starts the next
request over it hands on one answer too many, to somebody else, from then on. A stream here

- never lets a reader have the last byte that has arrived until it asks for more. A response that
  ends before that byte had something behind it, and the byte is still there to say so;
- says that it can be read from, which makes a pool close it, while there is such a byte, and while
  there is one in the operating system;
- looks again just before each part of a request is written.

The seam is httpcore2's public `AsyncNetworkBackend`. Needs asyncio.
"""

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore2
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, fail_after
from anyio.streams.tls import TLSAttribute, TLSStream

from backscroll_tools.client.sockets import Arrivals, Records

_OTHER_FAMILY_S: Final = 0.25
"""After how many seconds an address of the other family is tried too (RFC 8305, section 5)."""

_SSL_OBJECT: Final = TLSAttribute.ssl_object
_UNASKED: Final = "Something came that nothing had asked for."


class Network(httpcore2.AsyncNetworkBackend):
    """Makes the connections of a pool."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as the base class has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a new connection.

        Args:
            host: a name or an address.
            port: 1 to 65535.
            timeout: in seconds; None for no limit.
            local_address: the address to connect from.
            socket_options: set on the socket.

        Raises:
            httpcore2.ConnectError: there is none.
            httpcore2.ConnectTimeout: not in time.
        """
        loop = asyncio.get_running_loop()
        local = (local_address, 0) if local_address else None
        with _raised(httpcore2.ConnectError, httpcore2.ConnectTimeout), fail_after(timeout):
            _, arrivals = await loop.create_connection(
                Arrivals, host, port, local_addr=local, happy_eyeballs_delay=_OTHER_FAMILY_S
            )
        for option in socket_options or ():
            arrivals.socket.setsockopt(*option)
        return NetworkStream(arrivals)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class NetworkStream(httpcore2.AsyncNetworkStream):
    """One connection, as a pool uses it: a request is written, its response is read, and again.

    Args:
        arrivals: its socket.
        tls: what encrypts on it, if anything does.
    """

    def __init__(self, arrivals: Arrivals, tls: TLSStream | None = None) -> None:
        self._arrivals = arrivals
        self._tls = tls
        self._held = b""
        self._writing = False
        self._answered = False
        self._spoiled = False

    @property
    def has_unread(self) -> bool:
        """Whether something has arrived and was not read, be it the end of the connection."""
        return bool(self._held) or self._spoiled or self._arrivals.has_unread

    def spoil(self) -> None:
        """See to it that no further request is sent here."""
        self._spoiled = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as the base class has it
        """Return some bytes of a response, or none at the end of the connection.

        Raises:
            httpcore2.ReadError: the connection broke.
            httpcore2.ReadTimeout: nothing came in time.
        """
        self._writing, self._answered = False, True
        data, self._held = self._held, b""
        if data:
            return data
        with _raised(httpcore2.ReadError, httpcore2.ReadTimeout), fail_after(timeout):
            if self._tls is None:
                data = await self._arrivals.take(max_bytes)
            else:
                data = await _received(self._tls, max_bytes)
        if len(data) > 1:
            data, self._held = data[:-1], data[-1:]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as the base class has it
        """Write some bytes of a request.

        Raises:
            httpcore2.ConnectError: something came before the first request.
            httpcore2.ConnectionNotAvailable: something has come since the last response: the
                request was not written whole, and a pool sends it on another connection.
            httpcore2.WriteError: the connection broke.
            httpcore2.WriteTimeout: the bytes did not go out in time.
        """
        if not buffer:
            return
        begins, self._writing = not self._writing, True
        if self._answered and self.has_unread:
            raise httpcore2.ConnectionNotAvailable(_UNASKED)
        # A long request may be answered while it is written, which on a connection that was used
        # before nobody can tell from a late surplus. TLS 1.3 begins with tickets.
        if begins and self._tls is None and self.has_unread:
            raise httpcore2.ConnectError(_UNASKED)
        with _raised(httpcore2.WriteError, httpcore2.WriteTimeout), fail_after(timeout):
            if self._tls is None:
                await self._arrivals.put(buffer)
            else:
                await self._tls.send(buffer)

    async def aclose(self) -> None:
        """Close the connection at once."""
        self._spoiled = True
        self._arrivals.transport.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as the base class has it
    ) -> httpcore2.AsyncNetworkStream:
        """Return the same connection, encrypted.

        Raises:
            httpcore2.ConnectError: the other end cannot be trusted, or the connection broke.
            httpcore2.ConnectTimeout: the handshake took longer.
        """
        if self.has_unread:
            await self.aclose()
            raise httpcore2.ConnectError(_UNASKED)
        try:
            with _raised(httpcore2.ConnectError, httpcore2.ConnectTimeout), fail_after(timeout):
                tls = await TLSStream.wrap(
                    Records(self._arrivals),
                    server_side=False,
                    hostname=server_hostname,
                    ssl_context=ssl_context,
                    standard_compatible=False,
                )
        except BaseException:
            await self.aclose()
            raise
        return NetworkStream(self._arrivals, tls)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        """Return what a pool asks for: `is_readable`, `ssl_object`, `socket` and its addresses."""
        if info == "is_readable":
            return self.has_unread
        if info == "ssl_object":
            return None if self._tls is None else self._tls.extra_attributes[_SSL_OBJECT]()
        names = {"client_addr": "sockname", "server_addr": "peername", "socket": "socket"}
        return self._arrivals.transport.get_extra_info(names[info]) if info in names else None


async def _received(tls: TLSStream, most: int) -> bytes:
    try:
        return await tls.receive(most)
    except EndOfStream:
        return b""


@contextmanager
def _raised(broken: type[Exception], late: type[Exception]) -> Iterator[None]:
    """Raise what goes wrong as the errors that a pool knows."""
    try:
        yield
    except TimeoutError as error:
        raise late from error
    except (OSError, UnicodeError, BrokenResourceError, ClosedResourceError, EndOfStream) as error:
        raise broken(str(error)) from error
