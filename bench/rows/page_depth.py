"""`page-depth`: a page costs the same in a thread of any length, at either end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import httpx2

from backscroll.store.app import open_store
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.tool import Call
from backscroll_tools.tools.list_messages import LIST_MESSAGES
from bench.conversations import database, fill, numbered
from bench.figures import Claim, Outcome, Row, figures, interleaved, ratio
from bench.trial import Trial

LENGTHS: Final = (1_000, 10_000, 100_000, 1_000_000)
LIMIT: Final = 20
ROUNDS: Final = 40
CALLS: Final = 10
"""Calls a sample: one alone is shorter than what a busy machine does in between."""

MOST: Final = 1.2

_Page = Callable[[str, dict[str, Any]], Awaitable[list[str]]]


class _Pages:
    """A page of a thread, through the tool and at the wire."""

    async def open(self, stack: AsyncExitStack, url: str) -> None:
        """Open the store, until the stack is closed."""
        store = await stack.enter_async_context(open_store(url))
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app))
        self._http = await stack.enter_async_context(http)
        self._client = Client(self._http, EMBEDDED)

    async def through_the_tool(self, thread_id: str, query: dict[str, Any]) -> list[str]:
        """Return the ids of a page that list-messages answers with."""
        call = Call.begin(self._client)
        result = await LIST_MESSAGES.run(call, {"thread_id": thread_id, **query})
        return [message["id"] for message in result.structured["messages"]]

    async def at_the_wire(self, thread_id: str, query: dict[str, Any]) -> list[str]:
        """Return the ids of a page that the store answers with."""
        reply = await self._http.get(
            f"{EMBEDDED.base_url}/threads/{thread_id}/messages",
            params=query,
            headers={"OpenAI-Beta": "assistants=v2"},
        )
        return [message["id"] for message in reply.json()["data"]]


def _thread_id(length: int) -> str:
    return f"thread_{length}"


async def _milliseconds(page: _Page, length: int, position: int) -> float:
    """Return how long a page that starts at a position took, as a mean of a few calls."""
    thread_id = _thread_id(length)
    query: dict[str, Any] = {"limit": LIMIT, "order": "asc"}
    if position > 1:
        query["after"] = f"{thread_id}_{position - 1}"
    expected = [f"{thread_id}_{number}" for number in range(position, position + LIMIT)]
    begun = time.perf_counter()
    for _ in range(CALLS):
        if await page(thread_id, query) != expected:
            raise RuntimeError(f"another page than that at position {position} of {length}")
    return (time.perf_counter() - begun) / CALLS * 1_000


def _name(way: str, length: int, position: int) -> str:
    return f"Backscroll {way}, {length:,} messages, at {position:,}"


def _measure(trial: Trial) -> Outcome:
    lengths = LENGTHS[: trial.size(len(LENGTHS), quick=2)]
    # Deep within, and the last whole page.
    places = [(length, position) for length in lengths for position in (1, length - LIMIT + 1)]
    pages = _Pages()
    stack = AsyncExitStack()
    with database() as url, asyncio.Runner() as runner:
        for number in trial.track(len(lengths), f"importing up to {lengths[-1]:,} messages"):
            length = lengths[number]
            runner.run(fill(url, [numbered(length, _thread_id(length))]))
        runner.run(pages.open(stack, url))
        ways: dict[str, _Page] = {
            "at the wire": pages.at_the_wire,
            "through the tool": pages.through_the_tool,
        }

        def sample(page: _Page, length: int, position: int) -> float:
            return runner.run(_milliseconds(page, length, position))

        contenders = {
            _name(way, *place): partial(sample, page, *place)
            for way, page in ways.items()
            for place in places
        }
        for contender in contenders.values():
            contender()  # warms up
        samples = interleaved(contenders, trial.rounds(ROUNDS, "reading pages"))
        runner.run(stack.aclose())

    def claim(way: str, length: int, position: int) -> Claim:
        return ratio(
            f"{way}: {length:,} messages at {position:,}, by {places[0][0]:,} at 1",
            samples[_name(way, length, position)],
            samples[_name(way, *places[0])],
            most=MOST,
        )

    return Outcome(
        figures("ms", samples),
        (
            *(claim("at the wire", *place) for place in places[1:]),
            claim("through the tool", *places[-1]),
        ),
    )


PAGE_DEPTH: Final = Row(
    "page-depth", f"a page of {LIMIT} in threads of all lengths, at both ends", _measure
)
