"""A client of a peculiar upstream over the network; every call is checked against the bounds."""

import json
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx2
import pytest

from backscroll.settings.model import Settings
from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll.upstream.connection import UpstreamConnection, upstream_of
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call
from tests.upstreams.peculiar import Answering, Asked, peculiar

KEY: Final = "sk-test-4f1d"
THREAD: Final = "thread_1"
EMPTY: Final = "thread_empty"
LONG: Final = "thread_long"
CONVERSATION: Final = "conv_1"
COMPLETION: Final = "chatcmpl-1"
COUNT: Final = 45
LONG_COUNT: Final = 3000
INPUT: Final = 7
ANSWER: Final = "the answer"

_PAGES: Final = 50
_FILLED: Final = TemporaryDirectory(prefix="upstreams-")
"""The folder of a file for stores to begin with; it is removed when the process ends."""


@dataclass(frozen=True, slots=True)
class World:
    """One upstream, called through the real client."""

    client: Client
    asked: list[Asked]
    base_url: str = ""

    async def call(self, name: str, bounds: Bounds | None = None, /, **arguments: Any) -> JSON:  # noqa: ANN401 - a tool's arguments are JSON
        """Call a tool; check its result against the cap, and that each request is allowed."""
        bounds = bounds or Bounds()
        before = len(self.asked)
        tool = next(tool for tool in TOOLS if tool.name == name)
        try:
            result = await tool.run(Call.begin(self.client, bounds), validated(tool, arguments))
        finally:
            made = self.asked[before:]
            assert len(made) <= bounds.requests
            for one, next_one in pairwise(made):
                assert one.method == "POST" or (one.method, one.path, one.query) != (
                    next_one.method,
                    next_one.path,
                    next_one.query,
                )
            for request in made:
                headers = request.headers
                names = ("authorization", "x-api-key", "x-goog-api-key")
                assert any(KEY in headers.get(name, "") for name in names)
                if request.is_list:
                    assert 1 <= int(request["limit"]) <= PAGE_ITEMS
                    assert request["order"] in {"asc", "desc"}
                    assert request["before"] == request["include[]"] == ""
        assert KEY not in result.text
        assert json.loads(json.dumps(result.structured, allow_nan=False)) == result.structured
        return result.structured

    async def pages(
        self,
        name: str,
        bounds: Bounds | None = None,
        /,
        **arguments: Any,  # noqa: ANN401 - as above
    ) -> list[JSON]:
        """Call a list tool, and follow its cursors to the end."""
        own = {key: arguments[key] for key in ("thread_id", "completion_id") if key in arguments}
        pages = [await self.call(name, bounds, **arguments)]
        while cursor := pages[-1]["page"]["next_cursor"]:
            assert len(pages) < _PAGES
            limit = {"limit": arguments["limit"]} if "limit" in arguments else {}
            pages.append(await self.call(name, bounds, cursor=cursor, **own, **limit))
        return pages

    async def error(self, name: str, /, **arguments: Any) -> ToolError:  # noqa: ANN401 - as above
        """Call a tool that must fail; return its error, which never repeats the key."""
        with pytest.raises(ToolError) as failed:
            await self.call(name, **arguments)
        assert KEY not in failed.value.render()
        return failed.value


def numbers(pages: list[JSON]) -> list[int]:
    """Return the numbers of the thread's messages on the pages."""
    return [int(message["text"].split()[-1]) for page in pages for message in page["messages"]]


@asynccontextmanager
async def stored(*, long: bool = False) -> AsyncIterator[httpx2.AsyncClient]:
    """Open a store with two threads, a conversation and a completion, for upstreams to ask.

    With a long thread, it is in memory, where both ends of the thread are read equally fast.
    """
    with TemporaryDirectory(prefix="upstream-") as folder:
        url = "sqlite://" if long else f"sqlite:///{shutil.copy(await _filled(), folder)}"
        async with open_store(url) as store:
            if long:
                await _fill(store)
                await store.import_thread(_thread(LONG, LONG_COUNT))
            transport = httpx2.ASGITransport(store.app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://store/v1") as http:
                yield http


async def _fill(store: Store) -> None:
    await store.import_thread(_thread(THREAD, COUNT))
    await store.import_thread(_thread(EMPTY, 0))
    await store.import_conversation(_CONVERSATION)
    await _complete(store)


async def _filled() -> Path:
    """Return the file of a filled store: to copy it takes less time than to fill another.

    It takes its name once it is whole, because several worlds may be opened at once.
    """
    made = Path(_FILLED.name)
    file = made / "store.db"
    if not file.exists():
        begun = made / f"{secrets.token_hex(8)}.db"
        async with open_store(f"sqlite:///{begun}") as store:
            await _fill(store)
        begun.rename(file)
    return file


@asynccontextmanager
async def connected(
    base_url: str,
    *,
    retries: float = 0,
    **settings: Any,  # noqa: ANN401 - any field of Settings
) -> AsyncIterator[Client]:
    """Open the client that the settings choose.

    By default, it does not retry, so that a test sees the effect of a single reply; tests/faults
    and tests/simulation test retries.
    """
    chosen: dict[str, Any] = {"upstream": "compatible", "api_key": KEY, **settings}
    wanted = Settings(base_url=base_url, **chosen)
    async with UpstreamConnection(wanted, upstream_of(wanted)) as connection:
        client = await connection.client()
        client.budget.left, client.budget.earned = retries, 0
        yield client


@asynccontextmanager
async def world(
    answering: Answering, settings: Mapping[str, Any] | None = None, *, long: bool = False
) -> AsyncIterator[World]:
    """Open a store, a peculiar upstream over it, and the client of the upstream."""
    async with (
        stored(long=long) as store,
        peculiar(answering, store) as (base_url, asked),
        connected(base_url, **(settings or {})) as client,
    ):
        yield World(client, asked, base_url)


def _thread(thread_id: str, count: int) -> ImportedThread:
    messages = [
        ImportedMessage(
            id=f"msg_{number}" if thread_id == THREAD else None,
            role="assistant" if number % 2 else "user",
            content=f"text {number}",
            created_at=1_700_000_000 + number,
            run_id="run_1" if number % 2 else None,
        )
        for number in range(count)
    ]
    return ImportedThread(key=thread_id, id=thread_id, created_at=1_700_000_000, messages=messages)


def _items() -> list[JSON]:
    """Return messages, with items of other kinds after every third one."""
    items: list[JSON] = []
    for number in range(COUNT):
        text = {"type": "input_text", "text": f"text {number}"}
        items.append({"type": "message", "id": f"msg_c{number}", "role": "user", "content": [text]})
        if number % 3 == 2:
            items += [
                {"type": "reasoning", "id": f"rs_{number}", "summary": []},
                {"type": "function_call", "id": f"fc_{number}", "name": "f", "arguments": "{}"},
            ]
    return items


_CONVERSATION: Final = ImportedConversation(
    key=CONVERSATION,
    id=CONVERSATION,
    created_at=1_700_000_000,
    items=[*map(ImportedItem, _items())],
)


async def _complete(store: Store) -> None:
    choice = {
        "index": 0,
        "finish_reason": "stop",
        "message": {"role": "assistant", "content": ANSWER, "refusal": None},
    }
    asked = [{"role": "user", "content": f"question {number}"} for number in range(INPUT)]
    await store.import_completion(
        ImportedCompletion(
            key=COMPLETION,
            id=COMPLETION,
            created_at=1_700_000_000,
            model="m",
            choices=[choice],
            messages=asked,
        )
    )
