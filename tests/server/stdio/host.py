"""The host's end of a stdio connection, which gives tests the raw bytes."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from mcp.server.lowlevel import Server

from backscroll.stdio import transport
from tests.pace import limit_s

JSON: TypeAlias = dict[str, Any]
Era: TypeAlias = Literal["2025-11-25", "2026-07-28"]
ERAS: Final[tuple[Era, ...]] = ("2025-11-25", "2026-07-28")

REPLY_S: Final = limit_s(30)
"""How many seconds a test waits for something that must happen."""

LINE_BYTES: Final = 64 * 1024 * 1024
SERVE: Final = (
    "from backscroll.settings import loading as settings; "
    "from backscroll.stdio import transport; "
    "transport.run(settings.load())"
)
_CLIENT: Final = {"name": "test", "version": "0"}
_ENVELOPE: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Wire:
    """A host that sends and receives lines."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, era: Era = "2025-11-25"
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.era = era
        self.notified: list[JSON] = []
        self._replies: list[JSON] = []

    async def greet(self) -> None:
        """Send the first messages of a host of the era."""
        if self.era == "2025-11-25":
            initialize = {"protocolVersion": self.era, "capabilities": {}, "clientInfo": _CLIENT}
            await self.send(self.request("hello", "initialize", initialize))
            await self.reply("hello")
            await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, request_id: object, method: str, params: Mapping[str, object]) -> JSON:
        """Return a request in the form that hosts of the era send."""
        meta: JSON = {} if self.era == "2025-11-25" else dict(_ENVELOPE)
        meta |= dict(params.get("_meta", {}))  # type: ignore[call-overload]  # a test's own dict
        whole = {**params, **({"_meta": meta} if meta else {})}
        return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": whole}

    def call(self, request_id: object, tool: str, **arguments: object) -> JSON:
        """Return a tool call."""
        return self.request(request_id, "tools/call", {"name": tool, "arguments": arguments})

    async def send(self, message: JSON | bytes) -> None:
        """Send a message, or the bytes of a line."""
        raw = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.writer.write(raw + b"\n")
        await self.writer.drain()

    async def receive(self) -> JSON:
        """Return the next message of any kind."""
        async with asyncio.timeout(REPLY_S):
            line = await self.reader.readline()
        if not line:
            raise EOFError
        message: JSON = json.loads(line)
        return message

    async def reply(self, request_id: object) -> JSON:
        """Return the reply to a request; keep messages that arrive before it for later."""
        for kept in self._replies:
            if kept["id"] == request_id:
                self._replies.remove(kept)
                return kept
        while True:
            message = await self.receive()
            if "method" in message:
                self.notified.append(message)
            elif message["id"] == request_id:
                return message
            else:
                self._replies.append(message)

    async def called(self, request_id: object, tool: str, **arguments: object) -> JSON:
        """Call a tool and return the reply."""
        await self.send(self.call(request_id, tool, **arguments))
        return await self.reply(request_id)


@asynccontextmanager
async def connected(
    server: Server[Any],
    era: Era = "2025-11-25",
    *,
    open_requests: int = transport.OPEN_REQUESTS,
    drain_s: float = transport.DRAIN_S,
) -> AsyncIterator[Wire]:
    """Yield a host that is connected to a server in this process by a socket pair."""
    near, far = socket.socketpair()

    async def serve() -> None:
        with far:
            await transport.serve(
                server, far.fileno(), far.fileno(), open_requests=open_requests, drain_s=drain_s
            )

    serving = asyncio.create_task(serve())
    reader, writer = await asyncio.open_connection(sock=near, limit=LINE_BYTES)
    wire = Wire(reader, writer, era)
    try:
        await wire.greet()
        yield wire
    finally:
        writer.close()
        await serving


class Process(Wire):
    """A server process whose host is the test."""

    process: asyncio.subprocess.Process

    async def hang_up(self) -> tuple[bytes, int]:
        """Close the input, and return the remaining output and the exit code."""
        self.writer.close()
        async with asyncio.timeout(REPLY_S):
            rest = await self.reader.read()
            return rest, await self.process.wait()

    async def logged(self) -> str:
        """Return all that was written to stderr, once the process has ended."""
        assert self.process.stderr is not None
        async with asyncio.timeout(REPLY_S):
            return (await self.process.stderr.read()).decode()


def environment(database: Path, **settings: str) -> dict[str, str]:
    """Return an environment in which the server uses a database, and the modules under test."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BACKSCROLL_")}
    ours.pop("PYTHONUNBUFFERED", None)  # few users set it, and it hides buffering faults
    path = os.pathsep.join(entry for entry in sys.path if entry)
    chosen = {f"BACKSCROLL_{name.upper()}": value for name, value in settings.items()}
    return {
        **ours,
        "PYTHONPATH": path,
        "BACKSCROLL_DATABASE": f"sqlite:///{database}",
        **chosen,
    }


def replies_of(
    command: Sequence[str], sent: bytes, number: int, environ: Mapping[str, str]
) -> tuple[list[JSON], str]:
    """Send lines to a server, and close its input after a number of replies.

    A server leaves a call after a few seconds if its input has ended, and its first call may take
    longer on a busy machine.

    Returns:
        All replies, and what was logged.
    """
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, env=environ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(sent)
        process.stdin.flush()
        lines = [process.stdout.readline() for _ in range(number)]
        rest, _ = process.communicate(timeout=REPLY_S)
        errors.seek(0)
        logged = errors.read().decode()
    assert process.returncode == 0, logged
    return [json.loads(line) for line in [*lines, *rest.splitlines()]], logged


@asynccontextmanager
async def started(
    database: Path, era: Era = "2025-11-25", *, code: str = SERVE, **settings: str
) -> AsyncIterator[Process]:
    """Yield a host of a server process, after the first requests."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", code),
        env=environment(database, **settings),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        limit=LINE_BYTES,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    wire = Process(process.stdout, process.stdin, era)
    wire.process = process
    try:
        await wire.greet()
        yield wire
    finally:
        process.stdin.close()
        if process.returncode is None:
            process.kill()
        await process.wait()
