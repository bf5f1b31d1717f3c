"""Starts a model server, in this process or as one of its own."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2

from tests.clients.nodejs import MODULES, NODE
from tests.loopback import NO_TLS, served
from tests.models.app import ModelApp
from tests.models.dialects import OPENAI, Dialect
from tests.models.script import JSON
from tests.pace import limit_s

ROOT: Final = Path(__file__).parents[2]
_FIXTURES: Final = Path(__file__).parent / "aimock.json"
_AIMOCK: Final = MODULES / "@copilotkit" / "aimock" / "dist" / "cli.js"

# Ends the server however the tests end, because their end of stdin is then closed.
_UNTIL_EOF: Final = '"$@" & server=$!; cat >/dev/null; kill $server; wait $server'
_START_S: Final = limit_s(20)


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A model server that is running.

    Attributes:
        url: its base URL, which ends with `/v1`.
        pid: its process; None if it is this one.
    """

    url: str
    pid: int | None = None

    async def asked(self) -> list[JSON]:
        """Return all requests that it received: their method, path, query, headers and body."""
        async with httpx2.AsyncClient(verify=NO_TLS) as client:
            reply = await client.get(f"{self.url.removesuffix('/v1')}/-/asked")
            found: list[JSON] = reply.json()
            return found

    async def last(self) -> JSON:
        """Return the last request, with its body as an object."""
        asked = (await self.asked())[-1]
        return {**asked, "body": json.loads(asked["body"])}


@asynccontextmanager
async def model_here(dialect: Dialect = OPENAI) -> AsyncIterator[ModelServer]:
    """Serve a scripted model in this process, where it starts faster."""
    async with served(ModelApp(dialect).app()) as origin:
        yield ModelServer(f"{origin}/v1")


@asynccontextmanager
async def model_server(dialect: Dialect = OPENAI) -> AsyncIterator[ModelServer]:
    """Run a scripted model server as a process of its own."""
    async with _process(sys.executable, "-m", "tests.models", dialect.name) as (url, pid):
        yield ModelServer(url, pid)


@asynccontextmanager
async def llama_cpp() -> AsyncIterator[ModelServer]:
    """Run llama.cpp's own server with a tiny model of random weights."""
    async with _process(sys.executable, "-m", "tests.models.llama_cpp") as (url, pid):
        yield ModelServer(url, pid)


@asynccontextmanager
async def aimock() -> AsyncIterator[ModelServer]:
    """Run aimock, which answers what `aimock.json` says."""
    command = (str(NODE), str(_AIMOCK), "--port", "0", "--fixtures", str(_FIXTURES))
    async with _process("sh", "-c", _UNTIL_EOF, "sh", *command) as (url, pid):
        yield ModelServer(url, pid)


@asynccontextmanager
async def _process(*command: str) -> AsyncIterator[tuple[str, int]]:
    """Run a command that serves until its stdin ends; yield its base URL, and its process.

    What it writes to stdout must contain its address.
    """
    pipe = asyncio.subprocess.PIPE
    # stderr says that answers are broken off, which is what scripts ask for.
    running = await asyncio.create_subprocess_exec(
        *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, cwd=ROOT
    )
    assert running.stdout is not None
    assert running.stdin is not None
    reading = None
    try:
        async with asyncio.timeout(_START_S):
            address = await _address(running.stdout)
        reading = asyncio.create_task(running.stdout.read())  # a full pipe would stop the server
        yield f"{address}/v1", running.pid
    finally:
        running.stdin.close()
        try:
            async with asyncio.timeout(_START_S):
                await running.wait()
        except TimeoutError:
            running.kill()
            await running.wait()
        if reading is not None:
            await reading


async def _address(stdout: asyncio.StreamReader) -> str:
    async for line in stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", line.decode())
        if found is not None:
            return found[0]
    message = "The server ended before it listened."
    raise RuntimeError(message)
