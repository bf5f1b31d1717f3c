"""Reads stdin and writes stdout on the event loop, whether they are pipes, files or terminals.

Pipes and sockets are read and written directly. For files, terminals and Windows handles, a thread
copies the bytes between the descriptor and a socket, because not every event loop can read and
write them directly. A terminal must also stay in blocking mode, because the shell shares it.
"""

import asyncio
import os
import select
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Final, cast

CHUNK_BYTES: Final = 64 * 1024
"""The maximum number of bytes that are read at once."""

CLOSE_S: Final = 2.0
"""How long a host may take to read the remaining output before the output is closed, in seconds."""


class PipeReader:
    """Reads the bytes that the host sends."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.BaseTransport) -> None:
        self._reader = reader
        self._transport = transport

    async def read(self) -> bytes:
        """Return at most 64 KiB of input; `b""` at the end of the input or after `close`."""
        try:
            return await self._reader.read(CHUNK_BYTES)
        except OSError:
            return b""

    def close(self) -> None:
        """Stop reading. A `read` that is waiting returns `b""`."""
        self._transport.close()


class PipeWriter(asyncio.Protocol):
    """Writes bytes to the host. If the host reads slowly, writes wait.

    If the host has closed stdin and reads nothing for `unread_s` seconds, the output is closed.
    Otherwise the server might wait forever: while a write waits for the host, the server can stop
    reading stdin, and then it does not notice that stdin has ended.

    Args:
        lost: called when nothing more can be written.
        is_gone: returns whether the host has closed stdin.
        unread_s: the maximum time that a host may read nothing after it has closed stdin, in
            seconds.
    """

    def __init__(
        self, lost: Callable[[], None], is_gone: Callable[[], bool], unread_s: float
    ) -> None:
        self._lost = lost
        self._is_gone = is_gone
        self._unread_s = unread_s
        self._timer: asyncio.TimerHandle | None = None
        self._lock = asyncio.Lock()
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()
        self._transport: asyncio.WriteTransport | None = None
        self.copier: Thread | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def pause_writing(self) -> None:
        """Make writes wait until the host has read more of the earlier output."""
        self._writable.clear()
        if self._transport is not None:
            self._check_later(self._transport)

    def resume_writing(self) -> None:
        """Let writes continue."""
        self._writable.set()
        self._stop_checking()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio passes `exc`
        """Let all waiting writes fail."""
        self._stop_checking()
        self._closed.set()
        self._writable.set()
        self._lost()

    def _check_later(self, transport: asyncio.WriteTransport) -> None:
        """Check the output after `unread_s` seconds.

        The check closes the output if the host has closed stdin before this call, and has read
        nothing between this call and the check. Otherwise another check follows.
        """
        unread = transport.get_write_buffer_size() if self._is_gone() else None
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._unread_s, self._check, transport, unread)

    def _check(self, transport: asyncio.WriteTransport, unread: int | None) -> None:
        if transport.get_write_buffer_size() == unread:
            transport.abort()
        else:
            self._check_later(transport)

    def _stop_checking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def write(self, data: bytes) -> None:
        """Wait until the host has read enough of the earlier output, then write bytes.

        Raises:
            BrokenPipeError: the host no longer reads.
        """
        async with self._lock:
            await self._writable.wait()
            if self._closed.is_set() or self._transport is None or self._transport.is_closing():
                raise BrokenPipeError
            self._transport.write(data)

    async def aclose(self) -> None:
        """Give the host two seconds to read the remaining output, then close."""
        if self._transport is None:
            return
        self._transport.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                await self._closed.wait()
        if not self._closed.is_set():
            self._transport.abort()
        if self.copier is not None:
            await asyncio.to_thread(self.copier.join, CLOSE_S)


async def open_source(descriptor: int) -> PipeReader:
    """Return a reader for a file descriptor. Closing the reader does not close the descriptor."""
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


async def open_sink(
    descriptor: int, lost: Callable[[], None], is_gone: Callable[[], bool], unread_s: float
) -> PipeWriter:
    """Return a writer for a file descriptor. Closing the writer does not close the descriptor.

    Args:
        descriptor: the file descriptor.
        lost: called when nothing more can be written.
        is_gone: returns whether the host has closed stdin.
        unread_s: the maximum time that a host may read nothing after it has closed stdin, in
            seconds.
    """
    loop, sink = asyncio.get_running_loop(), PipeWriter(lost, is_gone, unread_s)
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
    transport, _ = await loop.create_connection(lambda: sink, sock=connected)
    # `PipeReader` may read from the same socket, so this transport must not read. Pause it here and
    # not in `connection_made`, because Python 3.11.2 starts to read after `connection_made`.
    transport.pause_reading()
    return sink


def is_hung_up(descriptor: int) -> bool:
    """Return whether the other end of a pipe or socket is closed, even if data is still unread.

    The result is always False on Windows, and for files.
    """
    if sys.platform == "win32":
        return False
    poll = select.poll()
    poll.register(descriptor, getattr(select, "POLLRDHUP", 0))  # only Linux has it
    return bool(poll.poll(0))


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
