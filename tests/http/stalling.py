"""An upstream that answers only when a test lets it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.http.serving import WAIT_S
from tests.loopback import served


class Stalling:
    """An empty upstream that makes its callers wait."""

    def __init__(self) -> None:
        self.url = ""
        self.count = 0
        self._asked = asyncio.Event()
        self._going_on = asyncio.Event()

    async def asked(self) -> None:
        """Wait until it has been asked."""
        async with asyncio.timeout(WAIT_S):
            await self._asked.wait()

    def go_on(self) -> None:
        """Answer the waiting requests and all later ones."""
        self._going_on.set()

    async def answer(self, _: Request) -> JSONResponse:
        """Answer with an empty list, once `go_on` was called."""
        self.count += 1
        self._asked.set()
        await self._going_on.wait()
        return JSONResponse({"object": "list", "data": [], "has_more": False})


@asynccontextmanager
async def stalling() -> AsyncIterator[Stalling]:
    """Serve such an upstream."""
    upstream = Stalling()
    async with served(Starlette(routes=[Route("/v1/{path:path}", upstream.answer)])) as origin:
        upstream.url = f"{origin}/v1"
        try:
            yield upstream
        finally:
            upstream.go_on()
