"""Sockets that can always report whether unread data has arrived.

The streams of asyncio and anyio cannot report this. A TLS stream does not report incomplete
records.
"""

import asyncio
import selectors
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from anyio import EndOfStream
from anyio.abc import ByteStream

BUFFER_BYTES: Final = 256 * 1024
"""Reading pauses when the buffer has this size, in bytes. The operating system keeps later data."""

# Windows has no `poll`. On other systems, `select` refuses descriptors above 1,023.
_Selector: Final[Callable[[], selectors.BaseSelector]] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class BufferedSocket(asyncio.Protocol):
    """A socket whose data is read continuously into a buffer. `take` removes data from the buffer.

    Attributes:
        transport: the transport of the socket.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._written = asyncio.Event()
        self._written.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport, which now starts to read data."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        """Buffer the data, and pause reading if the buffer is full."""
        self._buffer += data
        self._changed.set()
        if len(self._buffer) >= BUFFER_BYTES:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Record that no more data will arrive."""
        self._ended = True
        self._changed.set()
        return True  # keep the transport open for pending writes

    def connection_lost(self, exc: Exception | None) -> None:
        """Record that the connection is closed."""
        self._ended, self._error = True, exc
        self._changed.set()
        self._written.set()

    def pause_writing(self) -> None:
        """Record that the operating system has not yet accepted all written data."""
        self._written.clear()

    def resume_writing(self) -> None:
        """Record that the operating system has accepted all written data."""
        self._written.set()

    @property
    def socket(self) -> socket.socket:
        """The operating system's socket."""
        return cast("socket.socket", self.transport.get_extra_info("socket"))

    @property
    def has_unread(self) -> bool:
        """Whether unread data, or the end of the connection, has arrived."""
        if self._buffer or self._ended or self.transport.is_closing():
            return True
        with _Selector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            return bool(selector.select(0))

    async def take(self, most: int, leave: int = 0) -> bytes:
        """Return 1 to `most` bytes, or `b""` at the end of the connection.

        Args:
            most: the maximum number of bytes to return.
            leave: how many bytes to leave in the buffer. If it does not contain more bytes than
                `leave`, one byte is taken.

        Raises:
            OSError: the connection broke.
        """
        if self._buffer:
            await asyncio.sleep(0)  # let other tasks run, even if the upstream is fast
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
        """Write bytes, and wait until the operating system has accepted them.

        Raises:
            OSError: the connection broke.
        """
        if not self.transport.is_closing():
            self.transport.write(data)
            await self._written.wait()
        if self.transport.is_closing():
            raise ConnectionResetError


class TLSRecords(ByteStream):
    """The stream from which TLS reads its records, and to which it writes them.

    The last byte that has arrived stays in the socket's buffer until TLS asks for more data. So an
    unexpected record can be detected, even if it is incomplete.
    """

    def __init__(self, buffered: BufferedSocket) -> None:
        self._socket = buffered

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return some bytes.

        Raises:
            EndOfStream: the connection has ended.
            OSError: the connection broke.
        """
        if data := await self._socket.take(max_bytes, leave=1):
            return data
        raise EndOfStream

    async def send(self, item: bytes) -> None:
        """Write bytes."""
        await self._socket.put(item)

    async def send_eof(self) -> None:
        """Signal that nothing more will be written."""
        self._socket.transport.write_eof()

    async def aclose(self) -> None:
        """Close the connection at once."""
        self._socket.transport.abort()

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        """An empty mapping: there are no extra attributes."""
        return {}
