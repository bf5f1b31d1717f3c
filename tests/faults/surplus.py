"""An upstream on a raw socket that sends more or less than it was asked for, by plan.

It keeps its connections open whatever it has sent, like a server that has lost count.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal[
    "clean",
    "chunked",
    "hinted",
    "surplus",
    "surplus twice",
    "surplus first",
    "surplus, chunked",
    "half a surplus",
    "stray byte",
    "stray line",
    "longer body",
    "after the last chunk",
    "204 with a body",
    "304 with a body",
    "404 and surplus",
    "continue behind",
    "two framings",
    "late",
    "late, in halves",
    "late stray byte",
    "greeting",
]
KINDS: Final = get_args(Kind)
KEEPING: Final = frozenset({"clean", "chunked", "hinted"})
"""The kinds of reply after which a connection can be used again."""

REPLYING: Final = frozenset(KINDS) - {"204 with a body", "304 with a body", "404 and surplus"}
"""The kinds that include the true reply."""

_MISSING: Final = (
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 42\r\n\r\n"
    b'{"error": {"message": "No message found"}}'
)
_TYPE: Final = b"Content-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the caller's key, what was requested, and the connection."""

    key: str
    path: str
    connection: int

    @property
    def text(self) -> str:
        """The text of the message that answers this request, and no other."""
        return f"{self.key} asked for {self.path}"


@dataclass(slots=True)
class Surplus:
    """The upstream.

    Attributes:
        plan: the kind of each reply, in order; replies after its end are clean.
        late_s: after how many seconds late data is sent.
        tls: the TLS context of its connections, if they are encrypted.
        asked: every request.
        connections: the number of connections so far.
        greeted: the numbers of the replies before which a new connection was sent another.
    """

    plan: Sequence[Kind]
    late_s: float = 0.0
    tls: ssl.SSLContext | None = None
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    greeted: set[int] = field(default_factory=set)
    port: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}/v1"

    async def late(self) -> None:
        """Wait until all late data has been sent."""
        late = {task for task in self._tasks if task.get_name() == "late"}
        await asyncio.gather(*late)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Surplus"]:
        """Serve until the end of the context."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self.tls)
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
        self.connections += 1
        self._start(self._serve(reader, writer, self.connections), "connection")

    def _start(self, work: "asyncio._CoroutineLike[None]", name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                number = len(self.asked)
                if number and number not in self.greeted and self._kind(number) == "greeting":
                    self.greeted.add(number)
                    writer.write(_reply(self._others("")))
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                    await reader.readexactly(_length(head))
                    self._answer(head, connection, writer)
                    await writer.drain()
        finally:
            writer.transport.abort()

    def _kind(self, number: int) -> Kind:
        return self.plan[number] if number < len(self.plan) else "clean"

    def _answer(self, head: str, connection: int, writer: asyncio.StreamWriter) -> None:
        lines = head.split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        path = lines[0].split(" ")[1].split("?")[0].removeprefix("/v1")
        asked = Asked(fields.get("authorization", "").removeprefix("bearer "), path, connection)
        kind = self._kind(len(self.asked))
        self.asked.append(asked)
        other = self._others(asked.key)
        writer.write(_sent(kind, asked, other))
        if kind in {"late", "late, in halves", "late stray byte"}:
            whole = b"\n" if kind == "late stray byte" else _reply(other)
            cut = len(whole) // 2 if kind == "late, in halves" else len(whole)
            self._start(self._send_late(writer, [whole[:cut], whole[cut:]]), "late")

    async def _send_late(self, writer: asyncio.StreamWriter, pieces: list[bytes]) -> None:
        for piece in filter(None, pieces):
            await asyncio.sleep(self.late_s)
            with contextlib.suppress(OSError):
                writer.write(piece)
                await writer.drain()

    def _others(self, key: str) -> Asked:
        """Return the last request of another caller, or else of any caller."""
        return next((one for one in reversed(self.asked) if one.key != key), self.asked[-1])


def _sent(kind: Kind, asked: Asked, other: Asked) -> bytes:
    """Return the bytes to send at once."""
    reply, surplus = _reply(asked), _reply(other)
    return {
        "chunked": _chunked(asked),
        "hinted": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + reply,
        "surplus": reply + surplus,
        "surplus twice": reply + surplus + surplus,
        "surplus first": surplus + reply,
        "surplus, chunked": reply + _chunked(other),
        "half a surplus": reply + surplus[:-20],
        "stray byte": reply + b"H",
        "stray line": reply + b"\r\n",
        "longer body": reply + _body(other),
        "after the last chunk": _chunked(asked) + surplus,
        "204 with a body": b"HTTP/1.1 204 No Content\r\n\r\n" + surplus,
        "304 with a body": b"HTTP/1.1 304 Not Modified\r\n\r\n" + surplus,
        "404 and surplus": _MISSING + surplus,
        "continue behind": reply + b"HTTP/1.1 100 Continue\r\n\r\n",
        "two framings": _chunked(asked, b"Content-Length: 3\r\n"),
    }.get(kind, reply)


def _body(asked: Asked) -> bytes:
    thread, _, message = asked.path.removeprefix("/threads/").partition("/messages/")
    content = [{"type": "text", "text": {"value": asked.text, "annotations": []}}]
    value = {"id": message, "object": "thread.message", "thread_id": thread, "role": "user"}
    return json.dumps(value | {"content": content}).encode()


def _reply(asked: Asked) -> bytes:
    body = _body(asked)
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (_TYPE, len(body), body)


def _chunked(asked: Asked, more: bytes = b"") -> bytes:
    body = _body(asked)
    head = b"HTTP/1.1 200 OK\r\n%b%bTransfer-Encoding: chunked\r\n\r\n" % (_TYPE, more)
    return head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def _length(head: str) -> int:
    for line in head.lower().split("\r\n"):
        if line.startswith("content-length:"):
            return int(line.partition(":")[2])
    return 0
