"""Hosts: each runs an MCP server and calls its tools through the SDK's client."""

import asyncio
import math
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import anyio
import httpx2
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from backscroll.mcp.request_context import RequestContext
from backscroll.mcp.server import server_for
from backscroll.settings.model import Settings
from backscroll_tools.client.client import Client as StoreClient
from backscroll_tools.client.profiles import STORE, Upstream
from backscroll_tools.models import JSON
from tests.simulation.whole.network import Network, Way
from tests.simulation.whole.store import EPOCH_S

ADDRESS: Final = "http://store.example/v1"
_DOWN_S: Final = 3.0
"""The maximum time from the end of a server to the start of the next one, in seconds."""
_NAMED: Final = re.compile(r'(thread_id|idempotency_key|cursor) "([^"]+)"')
_APART_S: Final = 0.001

Ending: TypeAlias = str
"""How a call ended: `done`, `cancelled` by the host, `gone` with its server, or an error's code."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a call, as an agent gets it.

    Attributes:
        ending: how the call ended.
        structured: the structured content, if it succeeded.
        text: the text.
        began_at: when a server got the call, in seconds of the clock.
        ended_at: when it ended.
    """

    ending: Ending
    structured: JSON = field(default_factory=dict)
    text: str = ""
    began_at: float = 0.0
    ended_at: float = 0.0

    @property
    def named(self) -> dict[str, str]:
        """The arguments that an error names for the next call."""
        return dict(_NAMED.findall(self.text)) if self.ending != "done" else {}

    @property
    def retry(self) -> str:
        """What an error says about a retry; empty if the call did not fail."""
        _, found, said = self.text.rpartition("\nRetry: ")
        return said if found else ""


@dataclass(slots=True, eq=False)
class Host:
    """One host: a server process after another, and the session with the one that runs.

    Attributes:
        seed: the seed.
        name: its name; one letter.
        network: the network between the server and the store.
        settings: the settings of the servers.
        mode: which revisions of MCP the host speaks.
        set_s: by how many seconds the machine's wall clock is set ahead.
        ends: how many servers were killed.
    """

    seed: int
    name: str
    network: Network
    settings: Settings
    mode: Literal["legacy", "auto"]
    set_s: float = 0.0
    ends: int = 0
    _session: Client | None = None
    _running: anyio.CancelScope | None = None
    _calls: dict[anyio.CancelScope, None] = field(default_factory=dict)
    _started: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep_running(self) -> None:
        """Run one server after another, until cancelled."""
        while True:
            rng = random.Random(f"{self.seed} host {self.name} {self.ends}")
            with anyio.CancelScope() as self._running:
                await self._run(rng)
            self.ends += 1
            await anyio.sleep(rng.random() * _DOWN_S)

    async def call(self, tool: str, arguments: JSON, cancel_s: float = math.inf) -> Outcome:
        """Call a tool, as soon as a server runs.

        Args:
            tool: the tool's name.
            arguments: its arguments.
            cancel_s: the number of seconds after which the host cancels the call.
        """
        while (session := self._session) is None:
            self._started.clear()
            await self._started.wait()
        began_at = anyio.current_time()
        outcome = Outcome("cancelled")
        with anyio.CancelScope(deadline=began_at + cancel_s) as scope:
            self._calls[scope] = None
            try:
                outcome = _outcome(await session.call_tool(tool, arguments))
            except MCPError as error:
                outcome = Outcome("protocol", text=str(error))
            finally:
                del self._calls[scope]
        if session is not self._session:
            outcome = Outcome("gone")
        return replace(outcome, began_at=began_at, ended_at=anyio.current_time())

    def _end(self, session: Client, way: Way) -> None:
        """Kill the server of a session, unless it has ended before."""
        if session is not self._session or self._running is None:
            return
        self._session, way.is_open = None, False
        # One after another: the order in which tasks of one scope are cancelled is random.
        loop = asyncio.get_running_loop()
        for place, scope in enumerate([*self._calls, self._running]):
            loop.call_later(place * _APART_S, scope.cancel)

    async def _run(self, rng: random.Random) -> None:
        def set_clock(seconds: float) -> None:
            self.set_s += seconds

        def end(seconds: float) -> None:
            asyncio.get_running_loop().call_later(seconds, self._end, session, way)

        way = Way(self.network, self.name, end, set_clock)
        async with httpx2.AsyncClient(transport=way, trust_env=False, timeout=None) as http:
            client = StoreClient(
                http,
                Upstream(STORE, ADDRESS),
                chance=rng.random,
                wall=lambda: EPOCH_S + anyio.current_time() + self.set_s,
                monotonic=anyio.current_time,
            )
            async with Client(self._server(client), mode=self.mode) as session:
                self._session = session
                self._started.set()
                await anyio.sleep_forever()

    def _server(self, client: StoreClient) -> Server[None]:
        async def current() -> StoreClient:
            return client

        @asynccontextmanager
        async def lifespan(_: Server[None]) -> AsyncIterator[None]:
            yield

        def context(_: object) -> RequestContext:
            return RequestContext(self.settings, current)

        return server_for(context, self.settings, STORE, lifespan)


def _outcome(result: CallToolResult) -> Outcome:
    (block,) = result.content
    assert isinstance(block, TextContent)
    if result.is_error:
        return Outcome(block.text.partition(":")[0], text=block.text)
    structured: Any = result.structured_content
    return Outcome("done", structured, block.text)
