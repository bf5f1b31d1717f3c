"""Serves Backscroll over HTTP with real connections, in this process or in another."""

import asyncio
import json
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from backscroll.commands.token.issuing import issue, new_token
from backscroll.http.app import Opened, opened
from backscroll.http.auth import access
from backscroll.http.auth.token_callers import KEPT_S
from backscroll.http.dispatch import Dispatcher
from backscroll.http.serving import answering
from backscroll.http.serving.connection_limits import BoundedServer
from backscroll.http.serving.receiving import READ_S
from backscroll.process.listening import listen
from backscroll.settings.model import Settings
from tests.loopback import NO_TLS, serving
from tests.pace import limit_s
from tests.server.stdio.host import environment

JSON = dict[str, Any]
WAIT_S: Final = limit_s(20)
"""How many seconds a test waits for something that must happen."""

MODERN: Final = "2026-07-28"
LEGACY: Final = "2025-11-25"
ERAS: Final = (LEGACY, MODERN)

_ENVELOPE: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Running:
    """A server in this process.

    Attributes:
        port: its port on loopback.
        settings: its settings.
        opened: the application that it serves.
    """

    port: int
    settings: Settings
    opened: Opened

    @property
    def origin(self) -> str:
        """The server's origin."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where its clients connect."""
        return f"{self.origin}/mcp"

    async def token(self, name: str = "ada", scopes: str = "read,write", **more: Any) -> str:  # noqa: ANN401 - as new_token
        """Return a new token's secret."""
        token = new_token(name, scopes=scopes, **more)
        return await issue(self.settings.database_url, token)


def settings_of(folder: Path, **settings: Any) -> Settings:  # noqa: ANN401 - as Settings
    """Return settings with a store in a folder."""
    given = {"database": f"sqlite:///{folder / 'store.db'}", **settings}
    return Settings(**given)


@asynccontextmanager
async def running(
    settings: Settings,
    host: str = "127.0.0.1",
    dispatcher: Dispatcher | None = None,
    *,
    token_kept_s: float = KEPT_S,
    read_s: float = READ_S,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Running]:
    """Serve for as long as a test needs it.

    Args:
        settings: the operator's settings.
        host: the address that it is told it listens on; it always listens on loopback.
        dispatcher: answers MCP requests instead of the tools.
        token_kept_s: how many seconds a checked token is cached.
        read_s: how many seconds a client may leave its response unread.
        clock: returns the time in seconds, by which the rates of callers are limited.
    """
    allowed = access.allowed(settings, host)
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        async with opened(settings, allowed, dispatcher, token_kept_s, clock) as served:
            config = answering.configuration(served, settings, read_s)
            async with serving(BoundedServer(config, settings.http_receive_s), listener):
                try:
                    yield Running(port, settings, served)
                finally:
                    served.stop.set()


def message(method: str, params: Mapping[str, object], era: str, request_id: object = 1) -> JSON:
    """Return a request in the form that clients of an era send."""
    whole = dict(params)
    if era == MODERN:
        whole["_meta"] = {**_ENVELOPE, **whole.get("_meta", {})}  # type: ignore[dict-item]  # a test's own
    return {"jsonrpc": "2.0", "id": request_id, "method": method, "params": whole}


def headers(method: str, params: Mapping[str, object], era: str, token: str = "") -> dict[str, str]:
    """Return the headers that go with a request."""
    given = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": era,
    }
    if era == MODERN:
        given["mcp-method"] = method
        if "name" in params:
            given["mcp-name"] = str(params["name"])
    if token:
        given["authorization"] = f"Bearer {token}"
    return given


def raw(
    method: str, params: Mapping[str, object], era: str, token: str = "", *, path: str = "/mcp"
) -> bytes:
    """Return a request as bytes."""
    body = json.dumps(message(method, params, era)).encode()
    fields = {**headers(method, params, era, token), "host": "localhost"}
    fields["content-length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


async def post(
    url: str,
    method: str = "tools/list",
    params: Mapping[str, object] | None = None,
    *,
    era: str = MODERN,
    token: str = "",
    more: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """Send one request and return the response."""
    given = params or {}
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=WAIT_S) as http:
        return await http.post(
            url,
            json=message(method, given, era),
            headers={**headers(method, given, era, token), **(more or {})},
        )


async def call(url: str, tool: str, token: str = "", **arguments: object) -> JSON:
    """Call a tool and return its result."""
    params = {"name": tool, "arguments": arguments}
    response = await post(url, "tools/call", params, token=token)
    assert response.status_code == 200, response.text
    result: JSON = response.json()["result"]
    return result


def text_of(result: JSON) -> str:
    """Return the text of a result."""
    (block,) = result["content"]
    text: str = block["text"]
    return text


def refusal_of(response: httpx2.Response) -> tuple[int, str]:
    """Return the status and the message of a refusal."""
    sentence: str = response.json()["error"]["message"]
    return response.status_code, sentence


@dataclass
class Process:
    """A server in a process of its own."""

    process: asyncio.subprocess.Process
    port: int
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where its clients connect."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Return the exit code, once there is one."""
        async with asyncio.timeout(WAIT_S):
            return await self.process.wait()


@asynccontextmanager
async def started(database: Path, *options: str, **settings: str) -> AsyncIterator[Process]:
    """Start a server process, and wait until it listens."""
    process = await spawned(database, "--port", "0", *options, **settings)
    assert process.stderr is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(WAIT_S):
            while not (found := re.search(r"https?://\S+:(\d+)/mcp", "".join(said))):
                line = await process.stderr.readline()
                assert line, said
                said.append(line.decode())
        yield Process(process, int(found[1]), said)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def refused(database: Path, *options: str, **settings: str) -> str:
    """Return the one-line error of a server that does not start."""
    process = await spawned(database, *options, **settings)
    async with asyncio.timeout(WAIT_S):
        _, said = await process.communicate()
    line = said.decode()
    assert process.returncode == 2, line
    assert line.count("\n") == 1, line
    return line.strip()


async def spawned(database: Path, *options: str, **settings: str) -> asyncio.subprocess.Process:
    """Start a server process in its own session."""
    arguments = ("-m", "backscroll", "serve", "--transport", "http", *options)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**environment(database, **settings), "TMPDIR": str(database.parent)},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # so that a test can interrupt all of them, as a terminal does
    )
