"""Walks of the store's lists, while a writer adds, changes and deletes the objects in them."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedResponse
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.tool import Bounds, Call
from backscroll_tools.tools.list_responses import LIST_RESPONSES
from backscroll_tools.tools.list_threads import LIST_THREADS
from tests.faults.figures import sized
from tests.pace import limit_s

BETA: Final = {"OpenAI-Beta": "assistants=v2"}
KINDS: Final = ("threads", "conversations", "responses")
LISTED: Final = {"list-threads": ("threads", "conversations"), "list-responses": ("responses",)}
"""The kinds of objects that each tool lists."""

TOOLS: Final = {tool.name: tool for tool in (LIST_THREADS, LIST_RESPONSES)}
WALKERS: Final = 4
PAGES: Final = 500
"""More pages than any walk has."""

ANY: Final = st.integers(0, 10**6)
"""Picks one of several objects, however many there are."""


@dataclass
class Walk:
    """A walk of one list, page by page.

    Attributes:
        source: the name of a tool, or a kind of objects, whose list is then read over HTTP.
        order: `asc` or `desc`.
        expected: the ids of the objects that existed throughout.
        active: the ids of the objects that became active during the walk. In a list by activity,
            they may be listed again.
    """

    source: str
    order: str
    expected: set[str]
    after: str = ""
    active: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    ended: bool = False


class ListsUnderChange(RuleBasedStateMachine):
    """A writer of threads, conversations and responses, and walks of their lists."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.living: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self.walks: list[Walk] = []
        self.responses = 0
        self.runner.run(self.open())

    async def open(self) -> None:
        self.store = await self.stack.enter_async_context(open_store("sqlite://"))
        http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(self.store.app), base_url=EMBEDDED.base_url, headers=BETA
        )
        self.http = await self.stack.enter_async_context(http)
        self.client = Client(self.http, EMBEDDED)

    async def create(self, kind: str) -> None:
        if kind == "responses":
            self.responses += 1
            created = f"resp_{self.responses}"
            response = ImportedResponse(
                key=created, id=created, created_at=self.responses, input=[], output=[]
            )
            assert (await self.store.import_response(response)).kind == "imported"
        else:
            created = (await self.http.post(f"/{kind}", json={})).json()["id"]
        self.living[kind].append(created)

    async def add(self, kind: str, number: int) -> None:
        """Add a message to a thread or conversation, which so becomes the latest active."""
        object_id = self.living[kind][number % len(self.living[kind])]
        message = {"role": "user", "content": "hello"}
        path, body = ("messages", message) if kind == "threads" else ("items", {"items": [message]})
        reply = await self.http.post(f"/{kind}/{object_id}/{path}", json=body)
        assert reply.status_code == 200, reply.text
        for walk in self.walks:
            walk.active.add(object_id)

    async def erase(self, kind: str, object_id: str) -> None:
        self.living[kind].remove(object_id)
        for walk in self.walks:
            walk.expected.discard(object_id)
        assert (await self.http.delete(f"/{kind}/{object_id}")).status_code == 200

    async def read(self, walk: Walk, limit: int, result_chars: int = 32_000) -> None:
        """Read the next page of a walk, and compare the whole walk after its last page."""
        assert len(walk.seen) < PAGES
        read = self.read_tool if walk.source in TOOLS else self.read_list
        await read(walk, limit, result_chars)
        if not walk.ended:
            return
        self.walks.remove(walk)
        assert walk.expected <= set(walk.seen)
        again = walk.active if walk.source == "list-threads" else set[str]()
        once = [each for each in walk.seen if each not in again]
        assert len(once) == len(set(once))

    async def read_tool(self, walk: Walk, limit: int, result_chars: int) -> None:
        where = {"cursor": walk.after} if walk.after else {"order": walk.order}
        call = Call.begin(self.client, Bounds(result_chars=result_chars))
        tool = TOOLS[walk.source]
        result = await tool.run(call, validated(tool, {**where, "limit": limit}))
        page = result.structured["page"]
        assert "warning" not in page
        objects = result.structured[walk.source.removeprefix("list-")]
        walk.seen += [each["id"] for each in objects]
        walk.after, walk.ended = page["next_cursor"] or "", not page["has_more"]

    async def read_list(self, walk: Walk, limit: int, _result_chars: int) -> None:
        query: dict[str, str | int] = {"order": walk.order, "limit": limit}
        if walk.after:
            query["after"] = walk.after
        reply = (await self.http.get(f"/{walk.source}", params=query)).json()
        walk.seen += [each["id"] for each in reply["data"]]
        walk.after, walk.ended = reply["last_id"] or "", not reply["has_more"]

    @initialize(counts=st.lists(st.integers(0, 25), min_size=3, max_size=3))
    def lists_have_objects(self, counts: list[int]) -> None:
        for kind, count in zip(KINDS, counts, strict=True):
            for _ in range(count):
                self.runner.run(self.create(kind))

    @rule(kind=st.sampled_from(KINDS))
    def an_object_is_created(self, kind: str) -> None:
        self.runner.run(self.create(kind))

    @rule(kind=st.sampled_from(["threads", "conversations"]), number=ANY)
    def a_message_is_added(self, kind: str, number: int) -> None:
        if self.living[kind]:
            self.runner.run(self.add(kind, number))

    @rule(kind=st.sampled_from(KINDS), number=ANY)
    def an_object_is_deleted(self, kind: str, number: int) -> None:
        if self.living[kind]:
            living = self.living[kind]
            self.runner.run(self.erase(kind, living[number % len(living)]))

    @precondition(lambda self: self.walks)
    @rule(number=ANY)
    def the_object_under_a_cursor_is_deleted(self, number: int) -> None:
        walk = self.walks[number % len(self.walks)]
        for kind in KINDS:
            if walk.seen and walk.seen[-1] in self.living[kind]:
                self.runner.run(self.erase(kind, walk.seen[-1]))

    @precondition(lambda self: len(self.walks) < WALKERS)
    @rule(
        source=st.sampled_from([*TOOLS, *KINDS]),
        order=st.sampled_from(["asc", "desc"]),
        limit=st.integers(1, 9),
        result_chars=st.sampled_from([2_000, 32_000]),
    )
    def a_walk_begins(self, *, source: str, order: str, limit: int, result_chars: int) -> None:
        kinds = LISTED.get(source, (source,))
        walk = Walk(source, order, {each for kind in kinds for each in self.living[kind]})
        self.walks.append(walk)
        self.runner.run(self.read(walk, limit, result_chars))

    @precondition(lambda self: self.walks)
    @rule(number=ANY, limit=st.integers(1, 9), result_chars=st.sampled_from([2_000, 32_000]))
    def a_page_is_turned(self, number: int, limit: int, result_chars: int) -> None:
        walk = self.walks[number % len(self.walks)]
        self.runner.run(self.read(walk, limit, result_chars))

    def teardown(self) -> None:
        async def end() -> None:
            for walk in list(self.walks):
                while not walk.ended:
                    await self.read(walk, 100)

        try:
            self.runner.run(end())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()


@pytest.mark.timeout(limit_s(3_600))  # of the long profile
def test_an_object_that_is_there_throughout_a_walk_is_listed_exactly_once() -> None:
    wide = settings(
        max_examples=sized(quick=4, long=1_000),
        stateful_step_count=25,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    run_state_machine_as_test(ListsUnderChange, settings=wide)
