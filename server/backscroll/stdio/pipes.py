"""The process's stdin and stdout on the event loop, whatever they are connected to.

Pipes and sockets are read and written directly. Files, terminals and whatever Windows has are
not for every event loop, and a terminal that stops blocking would disturb the shell that shares
it: a thread copies between those and a socket.
"""

import asyncio
import os
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final, cast

CHUNK_BYTES: Final = 64 * 1024
"""How many bytes are read at once, at most."""

CLOSE_S: Final = 2.0
"""How many seconds a host has to read what was written before the output is closed."""


class PipeReader:
    """Bytes that arrive."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.BaseTransport) -> None:
        self._reader = reader
        self._transport = transport

    async def read(self) -> bytes:
        """Return the next bytes, at most 64 KiB, or none at the end or once closed."""
        try:
            return await self._reader.read(CHUNK_BYTES)
        except OSError:
            return b""

    def close(self) -> None:
        """Stop reading: whoever waits in `read` sees the end."""
        self._transport.close()


class PipeWriter(asyncio.Protocol):
    """Bytes that leave, no faster than they are taken.

    Args:
        lost: called once nothing more can be written.
    """

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._turn = asyncio.Lock()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None
        self.copier: Thread | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, and leave what arrives on a two-way socket to the source."""
        self._transport = cast("asyncio.Transport", transport)
        if transport.get_extra_info("socket") is not None:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Let writers wait: what was written before has not been taken."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - a Protocol
        """Wake whoever waits, in vain."""
        self._gone.set()
        self._writable.set()
        self._lost()

    async def write(self, data: bytes) -> None:
        """Write bytes, whole, after those before them have been taken.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        async with self._turn:
            await self._writable.wait()
            if self._gone.is_set() or self._transport is None or self._transport.is_closing():
                raise BrokenPipeError
            self._transport.write(data)

    async def aclose(self) -> None:
        """Give the host two seconds to take what was written, and close."""
        if self._transport is None:
            return
        self._transport.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._gone.wait()
        if not self._gone.is_set():
            self._transport.abort()
        if self.copier is not None:
            await asyncio.to_thread(self.copier.join, CLOSE_S)


async def open_source(descriptor: int) -> PipeReader:
    """Return what arrives at a file descriptor, which is left open."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=CHUNK_BYTES)
    own = os.dup(descriptor)
    transport: asyncio.BaseTransport
    if _is(own, stat.S_ISFIFO):
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(own, "rb", 0)
        )
        return PipeReader(reader, transport)
    if _is(own, stat.S_ISSOCK):
        connected = socket.socket(fileno=own)
    else:
        connected, far = socket.socketpair()
        Thread(target=_copy_in, args=(own, far), name="stdin", daemon=True).start()
    transport, _ = await loop.create_connection(
        lambda: asyncio.StreamReaderProtocol(reader), sock=connected
    )
    return PipeReader(reader, transport)


async def open_sink(descriptor: int, lost: Callable[[], None]) -> PipeWriter:
    """Return the way out through a file descriptor, which is left open.

    Args:
        descriptor: the file descriptor.
        lost: called once nothing more can be written.
    """
    loop, sink = asyncio.get_running_loop(), PipeWriter(lost)
    own = os.dup(descriptor)
    if _is(own, stat.S_ISFIFO):
        await loop.connect_write_pipe(lambda: sink, os.fdopen(own, "wb", 0))
        return sink
    if _is(own, stat.S_ISSOCK):
        connected = socket.socket(fileno=own)
    else:
        connected, far = socket.socketpair()
        sink.copier = Thread(target=_copy_out, args=(far, own), name="stdout", daemon=True)
        sink.copier.start()
    await loop.create_connection(lambda: sink, sock=connected)
    return sink


def _is(descriptor: int, kind: Callable[[int], bool]) -> bool:
    return sys.platform != "win32" and kind(os.fstat(descriptor).st_mode)


def _copy_in(descriptor: int, far: socket.socket) -> None:
    with suppress(OSError), far:
        while chunk := os.read(descriptor, CHUNK_BYTES):
            far.sendall(chunk)
    os.close(descriptor)


def _copy_out(far: socket.socket, descriptor: int) -> None:
    with suppress(OSError), far:
        while chunk := far.recv(CHUNK_BYTES):
            while chunk:
                chunk = chunk[os.write(descriptor, chunk) :]
    os.close(descriptor)
