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
import selectors
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

import httpcore2
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream, fail_after
from anyio.abc import ByteStream
from anyio.streams.tls import TLSAttribute, TLSStream

HELD_BYTES: Final = 256 * 1024
"""How many bytes may wait to be read; what is behind them waits in the operating system."""

_OTHER_FAMILY_S: Final = 0.25
"""After how many seconds an address of the other family is tried too (RFC 8305, section 5)."""

_SSL_OBJECT: Final = TLSAttribute.ssl_object
_UNASKED: Final = "Something came that nothing had asked for."

# Windows has no `poll`; `select` elsewhere refuses descriptors above 1,023.
_Selector: Final[Callable[[], selectors.BaseSelector]] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


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
                _Arrivals, host, port, local_addr=local, happy_eyeballs_delay=_OTHER_FAMILY_S
            )
        for option in socket_options or ():
            arrivals.socket.setsockopt(*option)
        return Stream(arrivals)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class Stream(httpcore2.AsyncNetworkStream):
    """One connection, as a pool uses it: a request is written, its response is read, and again.

    Args:
        arrivals: its socket.
        tls: what encrypts on it, if anything does.
    """

    def __init__(self, arrivals: "_Arrivals", tls: TLSStream | None = None) -> None:
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
                    _Records(self._arrivals),
                    server_side=False,
                    hostname=server_hostname,
                    ssl_context=ssl_context,
                    standard_compatible=False,
                )
        except BaseException:
            await self.aclose()
            raise
        return Stream(self._arrivals, tls)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the base class has it
        """Return what a pool asks for: `is_readable`, `ssl_object`, `socket` and its addresses."""
        if info == "is_readable":
            return self.has_unread
        if info == "ssl_object":
            return None if self._tls is None else self._tls.extra_attributes[_SSL_OBJECT]()
        names = {"client_addr": "sockname", "server_addr": "peername", "socket": "socket"}
        return self._arrivals.transport.get_extra_info(names[info]) if info in names else None


class _Arrivals(asyncio.Protocol):
    """A socket that is always read from: what has arrived is here, and waits to be taken."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._changed.set()
        if len(self._buffer) >= HELD_BYTES:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        self._changed.set()
        return True  # what is still to be written may be

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended, self._error = True, exc
        self._changed.set()
        self._written.set()

    def pause_writing(self) -> None:
        self._written.clear()

    def resume_writing(self) -> None:
        self._written.set()

    @property
    def socket(self) -> socket.socket:
        return cast("socket.socket", self.transport.get_extra_info("socket"))

    @property
    def has_unread(self) -> bool:
        """Whether anything has arrived and was not taken, be it the end."""
        if self._buffer or self._ended or self.transport.is_closing():
            return True
        with _Selector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            return bool(selector.select(0))

    async def take(self, most: int, leave: int = 0) -> bytes:
        """Return up to `most` bytes, or none at the end; if it can, leave the last `leave`.

        Raises:
            OSError: the connection broke.
        """
        if self._buffer:
            await asyncio.sleep(0)  # a fast upstream does not keep all others waiting
        while not self._buffer and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        if not self._buffer and self._error is not None:
            raise OSError from self._error
        taken = bytes(self._buffer[: min(most, max(1, len(self._buffer) - leave))])
        del self._buffer[: len(taken)]
        self.transport.resume_reading()
        return taken

    async def put(self, data: bytes) -> None:
        """Write bytes, and wait until the operating system has them.

        Raises:
            OSError: the connection broke.
        """
        if not self.transport.is_closing():
            self.transport.write(data)
            await self._written.wait()
        if self.transport.is_closing():
            raise ConnectionResetError


class _Records(ByteStream):
    """What TLS reads and writes. The last byte stays behind, as above: of a record, not a text."""

    def __init__(self, arrivals: _Arrivals) -> None:
        self._arrivals = arrivals

    async def receive(self, max_bytes: int = 65536) -> bytes:
        if data := await self._arrivals.take(max_bytes, leave=1):
            return data
        raise EndOfStream

    async def send(self, item: bytes) -> None:
        await self._arrivals.put(item)

    async def send_eof(self) -> None:
        self._arrivals.transport.write_eof()

    async def aclose(self) -> None:
        self._arrivals.transport.abort()

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        return {}


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
