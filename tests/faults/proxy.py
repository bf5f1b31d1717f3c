"""A TCP proxy in front of a real upstream that injects faults by plan.

It serves one request per connection, and closes the connection after the reply. It records what
the upstream really did, so that a test can compare this with what the client reports.
"""

import asyncio
import contextlib
import math
import re
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.faults.plans import CLEAN, Plan

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY: Final = re.compile(rb"\r\nidempotency-key:[^\r]*", re.IGNORECASE)
_RST: Final = struct.pack("ii", 1, 0)
_GARBAGE: Final = b"\xff\x00\xfe garbage \xff"
_CHUNK: Final = 64 * 1024


@dataclass
class Seen:
    """What really happened to one request.

    Attributes:
        method: GET, POST or DELETE.
        path: the path of the request.
        plan: the plan that was applied to it.
        begun: when it arrived, in seconds of the loop's clock.
        keyless: whether its idempotency key was removed.
        acted: when the upstream replied with success; infinity for never.
        told: when that reply had been passed on complete and unaltered; infinity for never.
    """

    method: str
    path: str
    plan: Plan
    begun: float
    keyless: bool
    acted: float = math.inf
    told: float = math.inf

    @property
    def writes(self) -> bool:
        """Whether it is to write a message; the empty thread that one starts holds none."""
        begins = self.keyless and self.path.endswith(("/threads", "/conversations"))
        return self.method == "POST" and not begins


@dataclass
class Proxy:
    """A proxy on a port of its own.

    Attributes:
        upstream: the port of the real upstream on 127.0.0.1.
        strips_keys: whether `Idempotency-Key` is removed, so that the upstream cannot honour it.
        delay_s: the length of a delay, in seconds.
        drip_s: the pause between two single bytes of a dripped reply, in seconds.
        plan: returns the plan of a request from its method and its number since `begin`.
        seen: every request since `begin`.
    """

    upstream: int
    strips_keys: bool = False
    delay_s: float = 0.02
    drip_s: float = 0.01
    plan: Callable[[str, int], Plan] = lambda _method, _number: CLEAN
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The base URL of the upstream through the proxy."""
        return f"http://127.0.0.1:{self.port}/v1"

    def begin(self, plan: Callable[[str, int], Plan]) -> None:
        """Start counting from zero, with another plan."""
        self.plan, self.seen = plan, []

    async def quiet(self) -> None:
        """Wait until no request is in progress."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Proxy"]:
        """Serve until the end of the context."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 22)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for _ in range(3):
                await asyncio.sleep(0)  # lets aborted connections close

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before it starts does not close its connection.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, _EndedError):
            await self._handle(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.decode("ascii").split(" ", 2)
        plan = self.plan(method, len(self.seen))
        seen = Seen(method, path, plan, asyncio.get_running_loop().time(), self.strips_keys)
        self.seen.append(seen)
        request = head + await reader.readexactly(_length(head))
        client = _Side(reader, writer, self)
        if self.strips_keys:
            request = _KEY.sub(b"", request)
        request = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        if plan.phase == "request":
            request = await self._part(request, plan, client)
        if plan.phase == "held":
            try:
                await client.suffer(plan)
            except _EndedError:
                if plan.late:
                    await asyncio.sleep(self.delay_s)
                    await self._ask(request, seen)
                raise
        reply = await self._ask(request, seen)
        if plan.phase == "committed":
            await client.suffer(plan)
        if plan.phase == "reply":
            await self._pass(reply, plan, client, seen)
        else:
            await client.tell(reply, seen)

    async def _part(self, request: bytes, plan: Plan, client: "_Side") -> bytes:
        """Break off at a byte of the request: the upstream gets the bytes before it."""
        cut = int(plan.at * (len(request) - 1))
        if plan.fault == "drip":
            return request  # dripped to the upstream
        if plan.fault == "delay":
            await asyncio.sleep(self.delay_s)
            return request
        if plan.fault is None:
            return request
        _, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        writer.write(request[:cut] + (_GARBAGE if plan.fault == "garble" else b""))
        await writer.drain()
        try:
            await client.suffer(plan)
        finally:
            writer.close()
        return request

    async def _ask(self, request: bytes, seen: Seen) -> bytes:
        """Pass a request on and return the whole reply."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            if seen.plan.phase == "request" and seen.plan.fault == "drip":
                for piece in _pieces(request, 8):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(self.drip_s)
            else:
                writer.write(request)
            await writer.drain()
            reply = await reader.read(-1)
        finally:
            writer.close()
        if reply.startswith(b"HTTP/1.1 2"):
            seen.acted = asyncio.get_running_loop().time()
        return reply

    async def _pass(self, reply: bytes, plan: Plan, client: "_Side", seen: Seen) -> None:
        """Pass a reply on, broken at a byte of it."""
        head, _, body = reply.partition(b"\r\n\r\n")
        cut = int(plan.at * (len(reply) - 1))
        if plan.fault == "truncate":
            kept = body[: int(plan.at * max(len(body) - 1, 0))]
            head = _LENGTH.sub(b"\r\nContent-Length: %d" % len(kept), head)
            await client.send(head + b"\r\n\r\n" + kept)
        elif plan.fault == "garble":
            await client.send(reply[:cut] + _GARBAGE + reply[cut + len(_GARBAGE) :])
        elif plan.fault == "drip":
            for piece in _pieces(reply, 16):
                await client.tell(piece, seen)
                await asyncio.sleep(self.drip_s)
        elif plan.fault in {None, "delay"}:
            await client.send(reply[:cut])
            if plan.fault:
                await asyncio.sleep(self.delay_s)
            await client.tell(reply[cut:], seen)
        else:
            await client.send(reply[:cut])
            await client.suffer(plan)


class _EndedError(Exception):
    """The connection has ended."""


@dataclass
class _Side:
    """The connection to the client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    proxy: Proxy

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def tell(self, data: bytes, seen: Seen) -> None:
        """Send the end of an unaltered reply, and record whether the client was still connected."""
        await asyncio.sleep(0)
        await self.send(data)
        if seen.acted < math.inf and not self.reader.at_eof():
            seen.told = asyncio.get_running_loop().time()

    async def suffer(self, plan: Plan) -> None:
        """Apply the plan to the client; return only if the request continues."""
        match plan.fault:
            case None | "drip":
                return
            case "delay":
                await asyncio.sleep(self.proxy.delay_s)
                return
            case "reset":
                raw: socket.socket = self.writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            case "stall":
                await self.reader.read(-1)  # until the client goes away
            case "status":
                await self.send(_answer(plan))
            case "garble":
                await self.send(_GARBAGE)
            case "truncate":
                await self.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            case "cut":
                pass
        raise _EndedError


def _answer(plan: Plan) -> bytes:
    body = b'{"error": {"message": "Try again.", "type": "x", "param": null, "code": null}}'
    head = (
        f"HTTP/1.1 {plan.status} Injected\r\nContent-Type: application/json\r\n"
        f"{plan.retry_after}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def _length(head: bytes) -> int:
    found = _LENGTH.search(head)
    return int(found[1]) if found else 0


def _pieces(data: bytes, count: int) -> list[bytes]:
    """Cut data into a number of pieces; all but the last are one byte each."""
    return [*(data[at : at + 1] for at in range(count)), data[count:]]
