"""Model servers that are scripted byte by byte, for what no HTTP library would send."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

Script: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Answers one request on a connection, which is then closed."""

STREAM: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@asynccontextmanager
async def raw_model(script: Script) -> AsyncIterator[str]:
    """Serve a script on a free port, and yield its base URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        try:
            await script(reader, writer)
        except ConnectionError:
            pass  # the recorder hung up
        finally:
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def read_request(reader: asyncio.StreamReader) -> None:
    """Read a request whose body has a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            await reader.readexactly(int(value))


def sends(answer: bytes) -> Script:
    """Return a script that sends these bytes."""

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return script


def whole(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Return an answer that is not a stream."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"HTTP/1.1 {status} Status\r\n{lines}content-length: {len(body)}\r\n"
        f"connection: close\r\n\r\n"
    ).encode() + body


def event_bytes(kind: str, **fields: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return one event of a response's stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
