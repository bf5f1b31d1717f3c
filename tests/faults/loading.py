"""Concurrent clients, each with its own connection, making one call after another."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, Final

from tests.pace import limit_s

CALL_S: Final = limit_s(30)
"""How long one call may take before it counts as an error."""


@dataclass
class Load:
    """The result of a load test.

    Attributes:
        seconds: how long each successful call took, in seconds.
        errors: the errors of the other calls.
        took_s: how long the whole test took, in seconds.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    took_s: float = 0.0

    @property
    def rate(self) -> float:
        """Successful calls per second."""
        return len(self.seconds) / self.took_s

    @property
    def p99_ms(self) -> float:
        """The time within which 99 of 100 calls were answered, in milliseconds."""
        return 1_000 * quantiles(self.seconds, n=100)[98]


async def load(port: int, request: bytes, clients: int, seconds: float) -> Load:
    """Let clients call a server on loopback for a number of seconds, each at least once."""
    found = Load()
    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(clients):
            tasks.create_task(_client(port, request, start + seconds, found))
    found.took_s = time.perf_counter() - start
    return found


async def _client(port: int, request: bytes, ends_at: float, found: Load) -> None:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        began = 0.0
        while not began or time.perf_counter() < ends_at:
            began = time.perf_counter()
            writer.write(request)
            async with asyncio.timeout(CALL_S):
                flaw = _flaw(*await _read(reader))
            if flaw:
                found.errors.append(flaw)
            else:
                found.seconds.append(time.perf_counter() - began)
        writer.close()
        await writer.wait_closed()
    except (OSError, EOFError, TimeoutError) as error:
        found.errors.append(type(error).__name__)


async def answer(port: int, request: bytes) -> bytes:
    """Send one request to a server on loopback and return the body of its response.

    Raises:
        OSError: nothing listens on the port.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(request)
    _, body = await _read(reader)
    writer.close()
    await writer.wait_closed()
    return body


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    return head, await reader.readexactly(int(length))


def _flaw(head: bytes, body: bytes) -> str:
    """Return what is wrong with a response; empty if nothing."""
    if not head.startswith(b"http/1.1 200 "):
        return head.split(b"\r\n")[0].decode() + body[:200].decode()
    # Reading every body as JSON here would take the time that the server needs.
    return "" if b'"isError":true' not in body and b'"result"' in body else body[:200].decode()


def is_page(body: bytes, items: int) -> bool:
    """Return whether a response is a page with this number of messages."""
    result: dict[str, Any] = json.loads(body)["result"]
    structured: dict[str, Any] = result["structuredContent"]
    return len(structured.get("messages", structured.get("data", ()))) == items
