"""The store on a port, a network in front of it that loses replies, and what tools show of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import pytest

from backscroll_tools.client import requests
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import STORE
from backscroll_tools.client.requests import Slice
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.sessions.calls import begin
from backscroll_tools.tool import Result
from tests.faults.plans import CLEAN, Plan
from tests.faults.proxy import Proxy
from tests.faults.upstream import call, client_of, served_store
from tests.pace import limit_s

T = TypeVar("T")

LOST: Final = Plan(fault="cut", phase="committed")
"""The store has acted, and its reply is lost."""

LATE_S: Final = limit_s(20)


@dataclass(frozen=True, slots=True)
class Stage:
    """A store that a program reaches through a proxy.

    Attributes:
        client: the program's client.
        other: the client of another program, which reaches the same store.
        proxy: the proxy in front of the store.
    """

    client: Client
    other: Client
    proxy: Proxy

    async def despite_lost_replies(self, change: Callable[[], Awaitable[T]]) -> T:
        """Make a change whose replies are lost until the first attempt has failed, and repeat it.

        A client sends a request up to four times, so each change fails as a whole at first.
        """
        self.proxy.begin(lambda method, _: CLEAN if method == "GET" else LOST)
        with pytest.raises(ToolError) as failed:
            await change()
        assert failed.value.code == "outcome_unknown"
        assert failed.value.next_step == "Do the same again."
        self.proxy.begin(lambda _method, _number: CLEAN)
        return await change()

    async def with_every_second_reply_lost(self, change: Callable[[], Awaitable[T]]) -> T:
        """Make a change while the reply to every second write is lost, the first one included."""
        writes = itertools.count()
        self.proxy.begin(lambda method, _: LOST if _is_lost(method, writes) else CLEAN)
        try:
            return await change()
        finally:
            assert any(seen.plan == LOST for seen in self.proxy.seen)
            self.proxy.begin(lambda _method, _number: CLEAN)

    async def tool(self, name: str, **arguments: object) -> JSON:
        """Return what a tool returns."""
        result = await call(self.other, name, dict(arguments), LATE_S)
        assert isinstance(result, Result), result
        return result.structured

    async def conversation(self, *items: JSON) -> str:
        """Return the id of a new conversation with these items."""
        created = await begin(self.other).send(requests.create_conversation(items, {}, "made"))
        return str(created["id"])

    async def conversation_of_others(self) -> str:
        """Return the id of a new conversation with messages and a call that no framework added."""
        return await self.conversation(
            {"role": "user", "content": "Hello"},
            {"type": "function_call", "name": "look", "arguments": "{}", "call_id": "call_1"},
            {"role": "assistant", "content": "Hi"},
            {"role": "developer", "content": "Be brief"},
        )

    async def items(self, conversation_id: str) -> list[JSON]:
        """Return the newest items of a conversation as the store has them."""
        listing = requests.list_items(conversation_id, Slice(100, "desc"))
        found = await begin(self.other).send(listing)
        return list(found["data"])

    async def shown(self) -> list[tuple[str, str]]:
        """Return the role and text of what tools show of the only conversation with messages."""
        listed = await self.tool("list-threads", limit=100)
        (thread,) = [each for each in listed["threads"] if each.get("message_count")]
        page = await self.tool(
            "list-messages", thread_id=thread["id"], order="asc", limit=500, items=True
        )
        assert not page["page"]["has_more"]
        assert [each for each in page["messages"] if "other" in each] == []
        return [(each["role"], each.get("text", "")) for each in page["messages"]]

    async def found(self, query: str) -> list[str]:
        """Return the texts that a search finds."""
        page = await self.tool("search-messages", query=query)
        return [each["excerpt"] for each in page["hits"]]


def _is_lost(method: str, writes: Iterator[int]) -> bool:
    return method != "GET" and next(writes) % 2 == 0


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """Serve a new store, and yield two clients of it."""
    async with (
        served_store(folder) as served,
        Proxy(served.port).serving() as proxy,
        client_of(proxy, STORE) as client,
        client_of(Proxy(0, port=served.port), STORE) as other,
    ):
        yield Stage(client, other, proxy)


def ten_each(programs: Sequence[T]) -> list[tuple[T, str]]:
    """Return ten texts for each program, to be added at the same time. All texts are different."""
    return [(each, f"{at} {number}") for at, each in enumerate(programs) for number in range(10)]


async def at_once(*changes: Awaitable[object]) -> None:
    """Make changes at the same time."""
    await asyncio.gather(*changes)
