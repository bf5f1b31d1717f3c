"""The embedded store, called through tools as a process calls it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from backscroll.store.app import Store, open_store
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call, Result


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store, and a client of it."""

    store: Store
    http: httpx2.AsyncClient
    client: Client

    async def call(
        self, name: str, bounds: Bounds | None = None, /, **arguments: object
    ) -> Result | ToolError:
        """Call a tool with arguments that are checked as those of a host are."""
        tool = next(tool for tool in TOOLS if tool.name == name)
        try:
            return await tool.run(Call.begin(self.client, bounds), validated(tool, arguments))
        except ToolError as error:
            return error

    async def result(self, name: str, /, **arguments: object) -> Result:
        """Call a tool that must succeed."""
        outcome = await self.call(name, **arguments)
        assert isinstance(outcome, Result), outcome
        return outcome

    async def error(self, name: str, /, **arguments: object) -> ToolError:
        """Call a tool that must fail."""
        outcome = await self.call(name, **arguments)
        assert isinstance(outcome, ToolError), outcome
        return outcome

    async def get(self, path: str) -> JSON:
        """Return what the store itself says."""
        found: JSON = (await self.http.get(path)).raise_for_status().json()
        return found

    async def post(self, path: str, **body: object) -> JSON:
        """Write to the store itself."""
        made: JSON = (await self.http.post(path, json=body)).raise_for_status().json()
        return made


@asynccontextmanager
async def opened() -> AsyncIterator[Opened]:
    """Open an empty store in memory."""
    headers = {"OpenAI-Beta": "assistants=v2"}
    async with open_store("sqlite://") as store:
        transport = httpx2.ASGITransport(store.app)
        base = EMBEDDED.base_url
        async with httpx2.AsyncClient(transport=transport, base_url=base, headers=headers) as http:
            yield Opened(store, http, Client(http, EMBEDDED, chance=lambda: 0.0))
