"""A connection pooler in front of PostgreSQL, which behaves as PgBouncer does (1.18, observed).

It refuses startup parameters that it does not know, gives each client a process id of its own, and
with transaction pooling runs the transactions of all clients in one session.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

_KNOWN = {b"user", b"database", b"client_encoding", b"application_name"}
_REFUSED = b"SFATAL\0C08P01\0Munsupported startup parameter\0\0"
_IDLE = b"I"
T = TypeVar("T")


@dataclass
class Pooler:
    """The pooler.

    Attributes:
        by_transaction: whether clients share a session between their transactions.
        renames: whether each client has its own names of prepared statements, as since 1.21.
        sessions: the connections to the server.
        tasks: what runs until the pooler ends.
    """

    by_transaction: bool
    renames: bool = False
    sessions: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _clients: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _greeting: bytes = b""
    _session: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` until the pooler ends."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def serve(
        self, server_port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one client until it ends."""
        self._clients += 1
        client = self._clients
        startup = await _packet(reader)
        if startup[4:8] == struct.pack("!HH", 1234, 5679):  # SSLRequest
            writer.write(b"N")
            startup = await _packet(reader)
        if not set(startup[8:-2].split(b"\0")[::2]) <= _KNOWN:
            writer.write(_message(b"E", _REFUSED))
            writer.close()
            return
        session = self._session
        if session and self.by_transaction:
            writer.write(self._greeting)
        else:
            session = self._session = await asyncio.open_connection("127.0.0.1", server_port)
            self.sessions.append(session[1])
            session[1].write(startup)
            self._greeting = await self._authenticate(client, reader, writer, *session)
        # Another client may have opened a session of its own meanwhile.
        await self._relay(client, reader, writer, *session)

    async def _authenticate(
        self,
        client: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> bytes:
        greeting = b""
        while True:
            kind, body = await _read(there)
            if kind == b"K":
                body = struct.pack("!II", client, 0)
            passed = _message(kind, body)
            writer.write(passed)
            if kind == b"R" and body[:4] in {struct.pack("!I", 10), struct.pack("!I", 11)}:
                back.write(_message(*await _read(reader)))  # the client's part of SCRAM
            elif kind != b"R" or body[:4] == struct.pack("!I", 0):
                greeting += passed
            if kind == b"Z":
                return greeting

    async def _relay(
        self,
        client: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> None:
        reading = self.start(_read(reader))
        while (await reading)[0] != b"X":
            async with self._turn if self.by_transaction else asyncio.Lock():
                idle = self.start(self._until_idle(there, writer))
                while not idle.done():
                    if reading.done():
                        kind, body = reading.result()
                        if self.renames:
                            body = body.replace(b"__asyncpg", b"_%dasyncpg" % client)
                        back.write(_message(kind, body))
                        reading = self.start(_read(reader))
                    await asyncio.wait({idle, reading}, return_when=asyncio.FIRST_COMPLETED)

    @staticmethod
    async def _until_idle(there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        message = (b"", b"")
        while message != (b"Z", _IDLE):
            message = await _read(there)
            writer.write(_message(*message))


async def _packet(reader: asyncio.StreamReader) -> bytes:
    length = await reader.readexactly(4)
    return length + await reader.readexactly(struct.unpack("!I", length)[0] - 4)


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    return kind, (await _packet(reader))[4:]


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


@asynccontextmanager
async def pooling(
    server_port: int, *, by_transaction: bool, renames: bool = False
) -> AsyncIterator[int]:
    """Run a pooler in front of the server, and yield its port."""
    pooler = Pooler(by_transaction, renames)
    serving: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await pooler.serve(server_port, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(pooler.start(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in (running := list(pooler.tasks)):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for session in pooler.sessions:
            session.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)  # lets aborted connections close
