"""Servers that go wrong below HTTP: closed connections, redirects to other origins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.upstreams.peculiar import Answer, Behaviour, Exchange, answer

_HEAD_BYTES: Final = 65_536


@dataclass(slots=True)
class Closing:
    """A server that answers the first request of a connection, and resets it at the second.

    To a client, this looks like a pooled connection that the other end has silently closed: the
    request is sent, and there is no reply.

    Attributes:
        body: the body of every reply.
        answered: the request lines that it answered.
        reset: the request lines that it answered with a reset.
    """

    body: bytes
    answered: list[str] = field(default_factory=list)
    reset: list[str] = field(default_factory=list)
    connections: list[asyncio.Task[None]] = field(default_factory=list)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await _request_line(reader)
        if first:
            self.answered.append(first)
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(self.body)}\r\n\r\n"
            writer.write(head.encode() + self.body)
            await writer.drain()
            if second := await _request_line(reader):
                self.reset.append(second)
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _request_line(reader: asyncio.StreamReader) -> str:
    """Read one request with its body; return its first line, or nothing at the end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            await reader.readexactly(int(line.partition(":")[2]))
    return head.partition("\r\n")[0]


@asynccontextmanager
async def closing(body: bytes) -> AsyncIterator[tuple[str, Closing]]:
    """Serve connections that are closed silently; yield the base URL, and the requests."""
    server = Closing(body)
    listening = await asyncio.start_server(server.accept, "127.0.0.1", 0, limit=_HEAD_BYTES)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield f"http://127.0.0.1:{port}/v1", server
        await asyncio.gather(*server.connections)


async def _cannot(exchange: Exchange) -> Answer:
    """Do what only `closing` can."""
    raise NotImplementedError(exchange.asked.path)


def _redirecting(status: int) -> Behaviour:
    async def answering(exchange: Exchange) -> Answer:
        return answer("", status, location=f"https://elsewhere.invalid{exchange.asked.path}")

    return Behaviour(f"{status} to another origin", "lies survived", answering)


SILENTLY_CLOSED: Final = Behaviour(
    "a connection is closed silently before a read", "OGX 1.5.0, recorded", _cannot
)
SILENTLY_CLOSED_WRITE: Final = Behaviour(
    "a connection is closed silently before a write", "OGX 1.5.0, recorded", _cannot
)
REDIRECTS: Final = {status: _redirecting(status) for status in (301, 302, 303, 307, 308)}

CONNECTING: Final = (SILENTLY_CLOSED, SILENTLY_CLOSED_WRITE, *REDIRECTS.values())
