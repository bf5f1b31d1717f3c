"""Walks of a thread in the real store, while another writer adds to it and deletes from it."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

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
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import EMBEDDED
from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds, Call
from backscroll_tools.tools.list_messages import LIST_MESSAGES
from tests.faults.figures import sized
from tests.pace import limit_s
from tests.product.walkers import Walker, Written

THREAD_ID = "thread_1"
MESSAGES_URL = f"{EMBEDDED.base_url}/threads/{THREAD_ID}/messages"
BETA = {"OpenAI-Beta": "assistants=v2"}

WALKERS = 4
"""How many walk at a time; the machine ends each of them."""

PAGES = 2_000
"""More than any walk here takes."""

PIECE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
TEXT = st.builds(
    lambda piece, length, tail: piece * (length // max(len(piece), 1)) + tail + ".",
    PIECE,
    st.sampled_from([0, 0, 0, 100, 900, 2_500, 6_000]),
    PIECE,
)
METADATA = st.sampled_from(
    [{}, {}, {}, {"topic": "refunds"}, {f"key {n}": "v" * 500 for n in range(12)}]
)
ANY = st.integers(0, 10**6)
"""Picks one of however many there are."""


class ThreadUnderChange(RuleBasedStateMachine):
    """Writers and walkers of one thread."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.written: dict[str, Written] = {}
        self.living: dict[str, None] = {}
        self.walkers: list[Walker] = []
        self.runner.run(self.open())

    async def open(self) -> None:
        self.store = await self.stack.enter_async_context(open_store("sqlite://"))
        http = httpx2.AsyncClient(transport=httpx2.ASGITransport(self.store.app))
        self.http = await self.stack.enter_async_context(http)
        self.client = Client(self.http, EMBEDDED)

    async def write(self, text: str, metadata: JSON) -> None:
        body = {"role": "user", "content": text, "metadata": metadata}
        reply = await self.http.post(MESSAGES_URL, json=body, headers=BETA)
        assert reply.status_code == 200, reply.text
        self.note(reply.json()["id"], text, metadata)

    def note(self, message_id: str, text: str, metadata: JSON) -> None:
        self.written[message_id] = Written(message_id, len(self.written), text, metadata)
        self.living[message_id] = None

    async def erase(self, message_id: str) -> None:
        if message_id not in self.living:
            return
        del self.living[message_id]
        for walker in self.walkers:
            walker.expected.discard(message_id)
        reply = await self.http.delete(f"{MESSAGES_URL}/{message_id}", headers=BETA)
        assert reply.json()["deleted"] is True

    async def read(self, walker: Walker, change: JSON | None = None) -> None:
        """Turn one page; the change happens between its first request and its second."""
        pending = [change] if change else []

        async def report(_done: int, _total: int) -> None:
            for waiting in pending:
                await self.erase(self.pick(list(self.written), waiting["erase"]))
                await self.write(waiting["write"], {})
            pending.clear()

        call = Call.begin(self.client, Bounds(result_chars=walker.result_chars), report)
        result = await LIST_MESSAGES.run(call, validated(LIST_MESSAGES, walker.arguments))
        walker.turn(result.structured)
        if walker.ended:
            walker.check(self.written, set(self.living))
            self.walkers.remove(walker)

    async def around(self, arguments: JSON, result_chars: int) -> JSON:
        call = Call.begin(self.client, Bounds(result_chars=result_chars, requests=3))
        result = await LIST_MESSAGES.run(call, validated(LIST_MESSAGES, arguments))
        return result.structured

    @staticmethod
    def pick(ids: Sequence[str], number: int) -> str:
        return ids[number % len(ids)]

    @initialize(count=st.sampled_from([0, 1, 5, 12, 40, 120, 240]), text=PIECE)
    def a_thread_has_messages(self, count: int, text: str) -> None:
        messages = [
            ImportedMessage(id=f"msg_{n}", role="user", content=f"{n} {text}", created_at=n)
            for n in range(count)
        ]
        thread = ImportedThread(key="", id=THREAD_ID, created_at=0, messages=messages)
        assert self.runner.run(self.store.import_thread(thread)).kind == "imported"
        for n in range(count):
            self.note(f"msg_{n}", f"{n} {text}", {})

    @rule(text=TEXT, metadata=METADATA)
    def a_message_is_added(self, text: str, metadata: JSON) -> None:
        self.runner.run(self.write(text, metadata))

    @precondition(lambda self: self.living)
    @rule(number=ANY)
    def a_message_is_deleted(self, number: int) -> None:
        self.runner.run(self.erase(self.pick(list(self.living), number)))

    @precondition(lambda self: self.walkers)
    @rule(number=ANY)
    def the_message_under_a_cursor_is_deleted(self, number: int) -> None:
        message_id = self.walkers[number % len(self.walkers)].under_cursor
        if message_id is not None:
            self.runner.run(self.erase(message_id))

    @precondition(lambda self: len(self.walkers) < WALKERS)
    @rule(
        order=st.sampled_from(["asc", "desc"]),
        way=st.sampled_from(["", "", "after", "before"]),
        number=ANY,
        limit=st.one_of(st.integers(1, 6), st.integers(1, 500)),
        result_chars=st.sampled_from([2_000, 2_500, 8_000, 32_000, 200_000]),
        preview=st.sampled_from([0, 0, 0, 1, 80, 2_000]),
    )
    def a_walk_begins(
        self, *, order: str, way: str, number: int, limit: int, result_chars: int, preview: int
    ) -> None:
        arguments: JSON = {"thread_id": THREAD_ID, "order": order, "limit": limit}
        expected = set(self.living)
        if preview:
            arguments["preview_chars"] = preview
        if way and self.written:
            edge = arguments[way] = self.pick(list(self.written), number)
            behind = (way == "after") is (order == "asc")
            place = self.written[edge].place
            expected = {
                other
                for other in expected
                if other != edge and (self.written[other].place > place) is behind
            }
        backward = "before" in arguments
        walker = Walker(order, backward, preview, expected, arguments, result_chars)
        self.walkers.append(walker)
        self.runner.run(self.read(walker))

    @precondition(lambda self: self.living and len(self.walkers) < WALKERS - 1)
    @rule(
        number=ANY,
        limit=st.one_of(st.integers(1, 6), st.integers(1, 500)),
        result_chars=st.sampled_from([8_000, 200_000]),
        preview=st.sampled_from([0, 0, 80]),
    )
    def two_walks_begin_at_a_message(
        self, *, number: int, limit: int, result_chars: int, preview: int
    ) -> None:
        """Read the page around a message, and go on from it in both directions."""
        middle = self.written[self.pick(list(self.living), number)]
        arguments: JSON = {"thread_id": THREAD_ID, "around": middle.id, "limit": limit}
        if preview:
            arguments["preview_chars"] = preview
        result = self.runner.run(self.around(arguments, result_chars))
        shown = [message["id"] for message in result["messages"]]
        split = shown.index(middle.id)
        above = {"has_more": False, "next_cursor": None}
        if cursor := result["page"].get("previous_cursor"):
            above = {"has_more": True, "next_cursor": cursor}
        for backward, messages, page in (
            (True, result["messages"][:split], above),
            (False, result["messages"][split:], result["page"]),
        ):
            expected = {
                other
                for other in self.living
                if (self.written[other].place < middle.place) is backward
            }
            half = {**page, "returned": len(messages)}
            half["stopped_by"] = "limit" if half["has_more"] else "end"
            walker = Walker("asc", backward, preview, expected, arguments, result_chars)
            walker.turn({"page": half, "messages": messages})
            if walker.ended:
                walker.check(self.written, set(self.living))
            else:
                self.walkers.append(walker)

    @precondition(lambda self: self.walkers)
    @rule(
        number=ANY,
        limit=st.one_of(st.integers(1, 6), st.integers(1, 500)),
        change=st.none() | st.fixed_dictionaries({"erase": ANY, "write": TEXT}),
    )
    def a_page_is_turned(self, number: int, limit: int, change: JSON | None) -> None:
        walker = self.walkers[number % len(self.walkers)]
        walker.arguments["limit"] = limit
        self.runner.run(self.read(walker, change if self.written else None))

    def teardown(self) -> None:
        async def end() -> None:
            for walker in list(self.walkers):
                for _ in range(PAGES):
                    if walker.ended:
                        break
                    await self.read(walker)
                assert walker.ended

        try:
            self.runner.run(end())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()


@pytest.mark.timeout(limit_s(3_600))  # of the long profile
def test_what_is_there_throughout_a_walk_is_seen_exactly_once_and_in_order() -> None:
    wide = settings(
        max_examples=sized(quick=10, long=2_000),
        stateful_step_count=30,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    run_state_machine_as_test(ThreadUnderChange, settings=wide)
