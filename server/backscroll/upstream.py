"""The upstream that the settings choose, opened when the first call needs it."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import httpx2

from backscroll.settings import Settings
from backscroll_tools.client import profiles
from backscroll_tools.client.client import Client
from backscroll_tools.errors import ToolError


class UpstreamConnection:
    """The client of the chosen upstream: opened once, closed with the process.

    Args:
        settings: which upstream, and where.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._client: Client | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def client(self) -> Client:
        """Return the client, after opening what it needs at the first call.

        Raises:
            ToolError: `upstream_unavailable` where the store's database cannot be opened.
        """
        async with self._opening:
            if self._client is None:
                self._client = await self._open_store()
            return self._client

    async def _open_store(self) -> Client:
        from backscroll.store.app import open_store
        from backscroll.store.errors import StoreError

        try:
            store = await self._stack.enter_async_context(open_store(self._settings.database))
        except StoreError as error:
            raise ToolError(
                "upstream_unavailable",
                f"The store cannot be opened: {error}",
                next_step="Ask the operator to mend BACKSCROLL_DATABASE.",
            ) from None
        transport = httpx2.ASGITransport(store.app)
        http = await self._stack.enter_async_context(httpx2.AsyncClient(transport=transport))
        return Client(http, profiles.store())
