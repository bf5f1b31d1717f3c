"""`page-depth`: a page costs the same at the start of a long thread and deep within it."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import httpx2

from backscroll.store.app import open_store
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.messages.list_messages import LIST_MESSAGES
from backscroll_tools.tool import Call
from bench.figures import Outcome, Row, Track, figure, interleaved, ratio
from bench.servers import THREAD_ID, database, fill

MESSAGES: Final = 210_000
DEPTHS: Final = (1, 200_000)
LIMIT: Final = 20
ROUNDS: Final = 60
CALLS: Final = 10
"""Calls a sample: one alone is shorter than what a busy machine does in between."""

BOUNDS: Final = (0.8, 1.2)

_Page = Callable[[dict[str, Any]], Awaitable[list[str]]]


class _Pages:
    """A page of the thread, through the tool and at the wire."""

    async def open(self, stack: AsyncExitStack, url: str) -> None:
        """Open the store, until the stack is closed."""
        store = await stack.enter_async_context(open_store(url))
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app))
        self._http = await stack.enter_async_context(http)
        self._client = Client(self._http, EMBEDDED)

    async def through_the_tool(self, query: dict[str, Any]) -> list[str]:
        """Return the ids of a page that list-messages answers with."""
        call = Call(self._client)
        result = await LIST_MESSAGES.run(call, {"thread_id": THREAD_ID, **query})
        return [message["id"] for message in result.structured["messages"]]

    async def at_the_wire(self, query: dict[str, Any]) -> list[str]:
        """Return the ids of a page that the store answers with."""
        reply = await self._http.get(
            f"{EMBEDDED.base_url}/threads/{THREAD_ID}/messages",
            params=query,
            headers={"OpenAI-Beta": "assistants=v2"},
        )
        return [message["id"] for message in reply.json()["data"]]


async def _milliseconds(page: _Page, position: int) -> float:
    """Return how long a page that starts at a position took, as a mean of a few calls."""
    query: dict[str, Any] = {"limit": LIMIT, "order": "asc"}
    if position > 1:
        query["after"] = f"msg_{position - 1}"
    expected = [f"msg_{number}" for number in range(position, position + LIMIT)]
    begun = time.perf_counter()
    for _ in range(CALLS):
        if await page(query) != expected:
            message = f"another page than that at position {position}"
            raise RuntimeError(message)
    return (time.perf_counter() - begun) / CALLS * 1_000


def _measure(track: Track) -> Outcome:
    pages = _Pages()
    stack = AsyncExitStack()
    with (
        tempfile.TemporaryDirectory(prefix="backscroll-bench-") as folder,
        asyncio.Runner() as runner,
    ):
        url = database(folder)
        for _ in track(1, f"importing {MESSAGES:,} messages"):
            runner.run(fill(url, MESSAGES))
        runner.run(pages.open(stack, url))
        ways: dict[str, _Page] = {
            "list-messages": pages.through_the_tool,
            "at the wire": pages.at_the_wire,
        }

        def sample(page: _Page, position: int) -> float:
            return runner.run(_milliseconds(page, position))

        samples = interleaved(
            {
                f"{way}, position {position:,}": partial(sample, page, position)
                for way, page in ways.items()
                for position in DEPTHS
            },
            track(ROUNDS, "reading pages"),
        )
        runner.run(stack.aclose())
    first, deep = DEPTHS
    return Outcome(
        tuple(figure(name, "ms", values) for name, values in samples.items()),
        tuple(
            ratio(
                f"{way}: position {deep:,} by position {first:,}",
                samples[f"{way}, position {deep:,}"],
                samples[f"{way}, position {first:,}"],
                BOUNDS,
            )
            for way in ways
        ),
    )


PAGE_DEPTH: Final = Row(
    "page-depth", f"a page of {LIMIT} at both ends of a thread of {MESSAGES:,} messages", _measure
)
