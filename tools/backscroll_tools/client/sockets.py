"""Sockets of which it is always known whether anything has arrived that nobody has read.

A stream of asyncio or anyio keeps that to itself, and so does TLS of half a record.
"""

import asyncio
import selectors
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from anyio import EndOfStream
from anyio.abc import ByteStream

HELD_BYTES: Final = 256 * 1024
"""How many bytes may wait to be read; what is behind them waits in the operating system."""

# Windows has no `poll`; `select` elsewhere refuses descriptors above 1,023.
_Selector: Final[Callable[[], selectors.BaseSelector]] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class Arrivals(asyncio.Protocol):
    """A socket that is always read from: what has arrived is here, and waits to be taken.

    Attributes:
        transport: of the socket.
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
        """Begin to read."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        """Keep what has arrived."""
        self._buffer += data
        self._changed.set()
        if len(self._buffer) >= HELD_BYTES:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Note that nothing more will arrive."""
        self._ended = True
        self._changed.set()
        return True  # what is still to be written may be

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the connection is gone."""
        self._ended, self._error = True, exc
        self._changed.set()
        self._written.set()

    def pause_writing(self) -> None:
        """Note that the operating system has not yet taken all."""
        self._written.clear()

    def resume_writing(self) -> None:
        """Note that it has."""
        self._written.set()

    @property
    def socket(self) -> socket.socket:
        """The socket itself."""
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


class Records(ByteStream):
    """What TLS reads and writes on a socket.

    The last byte that has arrived stays behind until more is asked for: a record that nobody asked
    for, whole or not, is then still to be seen.
    """

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return some bytes.

        Raises:
            EndOfStream: there are no more.
            OSError: the connection broke.
        """
        if data := await self._arrivals.take(max_bytes, leave=1):
            return data
        raise EndOfStream

    async def send(self, item: bytes) -> None:
        """Write bytes."""
        await self._arrivals.put(item)

    async def send_eof(self) -> None:
        """Say that nothing more will be written."""
        self._arrivals.transport.write_eof()

    async def aclose(self) -> None:
        """Close the connection at once."""
        self._arrivals.transport.abort()

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        """Nothing."""
        return {}
