"""Connections that detect unexpected data, so that no response goes to the wrong request.

HTTP/1.1 matches responses to requests only by their order (RFC 9112, section 9.3.1). Data that
arrives when no request is outstanding belongs to no request (section 9.2). If the connection
were used after such data had arrived, each request would receive the response to the request before
it. So a `NetworkStream` does the following:

- It withholds the last byte that has arrived until httpcore2 asks for more data. If httpcore2 has
  read a whole response and never asks for this byte, the byte is unexpected data.
- It reports that it is readable while it withholds a byte, or while the operating system has
  unread data. A pool closes an idle connection that is readable.
- On a connection that has been used, it checks whether it is readable just before each part of a
  request is written. If it is readable, the write fails.

The module implements httpcore2's public `AsyncNetworkBackend`, and requires asyncio.
"""

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore2
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, fail_after
from anyio.streams.tls import TLSAttribute, TLSStream

from backscroll_tools.client.connecting import connect
from backscroll_tools.client.sockets import BufferedSocket, TLSRecords

_SSL_OBJECT: Final = TLSAttribute.ssl_object
_UNEXPECTED: Final = "Unexpected data arrived."


class Network(httpcore2.AsyncNetworkBackend):
    """Opens the connections of a pool."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the base class
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a new connection.

        Args:
            host: a host name or an IP address.
            port: the port; 1 to 65535.
            timeout: the time limit, in seconds; None for no limit.
            local_address: the IP address to connect from; None for any.
            socket_options: options to set on the socket.

        Raises:
            httpcore2.ConnectError: the connection could not be opened.
            httpcore2.ConnectTimeout: the time limit was exceeded.
        """
        with _raised(httpcore2.ConnectError, httpcore2.ConnectTimeout), fail_after(timeout):
            buffered = await connect(host, port, local_address)
        for option in socket_options or ():
            buffered.socket.setsockopt(*option)
        return NetworkStream(buffered)

    async def sleep(self, seconds: float) -> None:
        """Wait for the given number of seconds."""
        await asyncio.sleep(seconds)


class NetworkStream(httpcore2.AsyncNetworkStream):
    """One connection of a pool. A request is written only after the previous response was read.

    Args:
        buffered: the socket.
        tls: the TLS stream over the socket; None if the connection is not encrypted.
    """

    def __init__(self, buffered: BufferedSocket, tls: TLSStream | None = None) -> None:
        self._socket = buffered
        self._tls = tls
        self._withheld = b""
        self._writing = False
        self._used = False
        self._spoiled = False

    @property
    def has_unread(self) -> bool:
        """Whether unread data, or the end of the connection, has arrived; True after `spoil`."""
        return bool(self._withheld) or self._spoiled or self._socket.has_unread

    def spoil(self) -> None:
        """Prevent further requests on this connection."""
        self._spoiled = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as in the base class
        """Return some bytes of a response, or `b""` at the end of the connection.

        Args:
            max_bytes: the maximum number of bytes to return.
            timeout: the time limit, in seconds; None for no limit.

        Raises:
            httpcore2.ReadError: the connection broke.
            httpcore2.ReadTimeout: no data arrived in time.
        """
        self._writing, self._used = False, True
        data, self._withheld = self._withheld, b""
        if data:
            return data
        with _raised(httpcore2.ReadError, httpcore2.ReadTimeout), fail_after(timeout):
            if self._tls is None:
                data = await self._socket.take(max_bytes)
            else:
                data = await _received(self._tls, max_bytes)
        if len(data) > 1:
            data, self._withheld = data[:-1], data[-1:]
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as in the base class
        """Write some bytes of a request.

        Args:
            buffer: the bytes.
            timeout: the time limit, in seconds; None for no limit.

        Raises:
            httpcore2.ConnectError: data arrived, or the connection ended, before the first request.
            httpcore2.ConnectionNotAvailable: after the previous response, unexpected data arrived
                or the connection ended. The request was not written completely. A pool sends it on
                another connection.
            httpcore2.WriteError: the connection broke.
            httpcore2.WriteTimeout: the bytes were not written in time.
        """
        if not buffer:
            return
        is_first, self._writing = not self._writing, True
        if self._used and self.has_unread:
            raise httpcore2.ConnectionNotAvailable(_UNEXPECTED)
        # Check a new connection only before the first bytes of the request, because a response may
        # arrive while a long request is still being written. Do not check a new TLS connection,
        # because the data may be session tickets of TLS 1.3.
        if is_first and self._tls is None and self.has_unread:
            raise httpcore2.ConnectError(_UNEXPECTED)
        with _raised(httpcore2.WriteError, httpcore2.WriteTimeout), fail_after(timeout):
            if self._tls is None:
                await self._socket.put(buffer)
            else:
                await self._tls.send(buffer)

    async def aclose(self) -> None:
        """Close the connection at once."""
        self._spoiled = True
        self._socket.transport.abort()
        await asyncio.sleep(0)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as in the base class
    ) -> httpcore2.AsyncNetworkStream:
        """Perform a TLS handshake, and return the same connection as an encrypted one.

        Args:
            ssl_context: the TLS configuration.
            server_hostname: the name that the certificate must have.
            timeout: the time limit, in seconds; None for no limit.

        Raises:
            httpcore2.ConnectError: the certificate is not trusted, or the connection broke.
            httpcore2.ConnectTimeout: the handshake took too long.
        """
        if self.has_unread:
            await self.aclose()
            raise httpcore2.ConnectError(_UNEXPECTED)
        try:
            with _raised(httpcore2.ConnectError, httpcore2.ConnectTimeout), fail_after(timeout):
                tls = await TLSStream.wrap(
                    TLSRecords(self._socket),
                    server_side=False,
                    hostname=server_hostname,
                    ssl_context=ssl_context,
                    standard_compatible=False,
                )
        except BaseException:
            await self.aclose()
            raise
        return NetworkStream(self._socket, tls)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as in the base class
        """Return a property of the connection that a pool asks for.

        Args:
            info: the name of the property: `is_readable`, `ssl_object`, `socket`, `client_addr` or
                `server_addr`. For any other name, None is returned.
        """
        if info == "is_readable":
            return self.has_unread
        if info == "ssl_object":
            return None if self._tls is None else self._tls.extra_attributes[_SSL_OBJECT]()
        names = {"client_addr": "sockname", "server_addr": "peername", "socket": "socket"}
        return self._socket.transport.get_extra_info(names[info]) if info in names else None


async def _received(tls: TLSStream, most: int) -> bytes:
    try:
        return await tls.receive(most)
    except EndOfStream:
        return b""


@contextmanager
def _raised(broken: type[Exception], late: type[Exception]) -> Iterator[None]:
    """Convert errors of the connection to errors that a pool handles.

    Args:
        broken: the error to raise if the connection fails.
        late: the error to raise after a timeout.
    """
    try:
        yield
    except TimeoutError as error:
        raise late from error
    except (OSError, UnicodeError, BrokenResourceError, ClosedResourceError, EndOfStream) as error:
        raise broken(str(error)) from error
