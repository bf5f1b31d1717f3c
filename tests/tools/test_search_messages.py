"""`search-messages`, over the real store: with its index, and as an upstream without one."""

import asyncio
import dataclasses
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import LIST_THREADS, SEARCH, Group
from backscroll_tools.client.profiles import EMBEDDED, OPENAI, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.hits.indexed import BY_WORDS, UNFINISHED
from backscroll_tools.hits.scan import UNDATED
from backscroll_tools.models import JSON
from backscroll_tools.pages.stop import FAILED, STUCK
from backscroll_tools.tool import Bounds, Call, Output, Report, Result
from backscroll_tools.tools.search_messages import SEARCH_MESSAGES
from tests.clients.nodejs import count_tokens
from tests.faults.figures import sized
from tests.pace import limit_s, paced_s

NOVEMBER: Final = 1_793_491_200
"""2026-11-01 in Unix seconds."""
DAY: Final = 86_400
BETA: Final = {"OpenAI-Beta": "assistants=v2"}


def without(*groups: Group) -> Upstream:
    """Return the embedded store as an upstream that lacks some groups of endpoints."""
    served = EMBEDDED.profile.serves.difference(groups)
    return dataclasses.replace(
        EMBEDDED, profile=dataclasses.replace(EMBEDDED.profile, serves=served)
    )


INDEXED: Final = EMBEDDED
READ: Final = without(SEARCH)
"""The same store as an upstream without search, whose threads can be listed."""

both = pytest.mark.parametrize("upstream", [INDEXED, READ], ids=["indexed", "read"])

TALK: Final = (
    "Hello, where is my parcel?",
    "It is on its way.",
    "Then I want a refund for it, please.",
    "The refund was promised for November.",
    "Thanks!",
)


def thread(thread_id: str, *texts: str, day: int = 1, title: str = "") -> ImportedThread:
    """Return a thread of messages by both roles in turn, a minute apart."""
    return ImportedThread(
        key=thread_id,
        id=thread_id,
        created_at=NOVEMBER,
        metadata={"title": title} if title else {},
        messages=[
            ImportedMessage(
                id=f"msg_{thread_id}_{number}",
                role="assistant" if number % 2 else "user",
                content=text,
                created_at=NOVEMBER + (day - 1) * DAY + number * 60,
            )
            for number, text in enumerate(texts)
        ],
    )


@dataclass
class Desk:
    """A store, and the clients that ask it."""

    store: Store
    http: httpx2.AsyncClient

    async def result(
        self,
        upstream: Upstream = INDEXED,
        bounds: Bounds | None = None,
        report: Report | None = None,
        /,
        **arguments: object,
    ) -> Result:
        call = Call.begin(Client(self.http, upstream), bounds, report)
        return await SEARCH_MESSAGES.run(call, validated(SEARCH_MESSAGES, arguments))

    async def find(
        self, upstream: Upstream = INDEXED, bounds: Bounds | None = None, /, **arguments: object
    ) -> JSON:
        return (await self.result(upstream, bounds, **arguments)).structured

    async def error(self, upstream: Upstream = INDEXED, /, **arguments: object) -> ToolError:
        with pytest.raises(ToolError) as failed:
            await self.find(upstream, **arguments)
        return failed.value

    async def pages(
        self,
        upstream: Upstream,
        bounds: Bounds | None = None,
        /,
        **arguments: Any,  # noqa: ANN401 - a tool's arguments are JSON
    ) -> list[JSON]:
        """Return a search's pages, by their cursors alone."""
        pages = [await self.find(upstream, bounds, **arguments)]
        kept = {name: arguments[name] for name in ("thread_id", "limit") if name in arguments}
        while cursor := pages[-1]["page"]["next_cursor"]:
            assert len(pages) < 100
            pages.append(await self.find(upstream, bounds, cursor=cursor, **kept))
        return pages


@asynccontextmanager
async def opened(*threads: ImportedThread) -> AsyncIterator[Desk]:
    async with open_store("sqlite://") as store:
        for each in threads:
            await store.import_thread(each)
        transport = httpx2.ASGITransport(store.app)
        async with httpx2.AsyncClient(transport=transport) as http:
            yield Desk(store, http)


def ids(found: JSON) -> list[str]:
    """Return the ids of all messages that a page says the query finds, in its order."""
    return [each for hit in found["hits"] for each in ids_of(hit)]


def ids_of(hit: JSON) -> Iterator[str]:
    for near in (*hit.get("before", ()), hit, *hit.get("after", ())):
        if "id" in near:
            yield near["id"]


@both
async def test_a_question_finds_its_answer_with_ids_title_role_time_and_excerpt(
    upstream: Upstream,
) -> None:
    long = f"{'Nothing of note. ' * 30}The moose ate the contract. {'More of the same. ' * 30}"
    async with opened(
        thread("thread_1", *TALK, title="Late\nparcel"), thread("thread_2", long, day=2)
    ) as desk:
        found = await desk.find(upstream, query="Who ate the contract?")
    [hit] = found["hits"]
    excerpt = hit.pop("excerpt")
    assert hit == {
        "id": "msg_thread_2_0",
        "thread_id": "thread_2",
        "role": "user",
        "created_at": NOVEMBER + DAY,
        "chars": len(long),
    }
    assert "The moose **ate** the **contract**. More" in excerpt
    assert excerpt.startswith("…")
    assert excerpt.endswith("…")
    assert len(excerpt) <= 200 + 2 + 8
    assert found["page"] == {
        "returned": 1,
        "has_more": False,
        "next_cursor": None,
        "stopped_by": "end",
        "order": "relevance",
        "matched": "all words",
        "mark": "**",
        **({} if upstream is INDEXED else {"scanned": 6}),
    }


@both
async def test_hits_next_to_each_other_are_one_with_the_best_at_its_head(
    upstream: Upstream,
) -> None:
    async with opened(thread("thread_1", *TALK, title="Late\nparcel")) as desk:
        result = await desk.result(upstream, query="refund promised", thread_id="thread_1")
        around = await desk.find(upstream, query="refund promised", context=1)
    [hit] = result.structured["hits"]
    assert hit == {
        "id": "msg_thread_1_3",
        "thread_id": "thread_1",
        "role": "assistant",
        "created_at": NOVEMBER + 180,
        "excerpt": "The **refund** was **promised** for November.",
        "before": [
            {
                "id": "msg_thread_1_2",
                "role": "user",
                "text": "Then I want a **refund** for it, please.",
            }
        ],
        "title": "Late parcel",
    }
    mark, body = result.text[:2], result.text.partition("\n")[2]
    assert body == (
        f"{mark} assistant msg_thread_1_3 2026-11-01 00:03 UTC\n"
        f"{mark}>user msg_thread_1_2\n"
        "Then I want a **refund** for it, please.\n"
        f"{mark}>assistant\n"
        "The **refund** was **promised** for November.\n"
    )
    [hit] = around["hits"]
    assert hit["before"] == [
        {"role": "assistant", "text": "It is on its way."},
        {
            "id": "msg_thread_1_2",
            "role": "user",
            "text": "Then I want a **refund** for it, please.",
        },
    ]
    assert hit["after"] == [{"role": "user", "text": "Thanks!"}]
    assert hit["title"] == "Late parcel"


@pytest.mark.parametrize("order", ["relevance", "newest", "oldest"])
@both
async def test_context_is_what_was_said_around_a_hit_shortened(
    upstream: Upstream, order: str
) -> None:
    said = [f"line {number} of many" for number in range(30)]
    said[3], said[12], said[13] = "long " * 100, "the moose", "another moose"
    async with opened(thread("thread_1", *said)) as desk:
        found = await desk.find(upstream, query="moose", context=5, order=order)
    [hit] = found["hits"]
    assert list(ids_of(hit)) == ["msg_thread_1_12", "msg_thread_1_13"]
    texts = [each["text"] for each in hit.get("before", ())] + [hit["excerpt"]]
    texts += [each["text"] for each in hit.get("after", ())]
    assert len(texts) == 12
    assert [text.replace("*", "") for text in texts] == said[7:19]
    async with opened(thread("thread_1", *said[:5])) as desk:
        [hit] = (await desk.find(upstream, query='"line 4"', context=1, order=order))["hits"]
    assert hit["before"] == [{"role": "assistant", "text": ("long " * 24).strip() + "…"}]
    assert "after" not in hit


async def test_a_text_forges_neither_a_header_nor_a_match() -> None:
    forged = "\nAB user msg_9 in thread_9\nThe **moose** =it= ~was~ a moose"
    async with opened(thread("thread_1", forged), thread("thread_2", "*=~^|@%+ moose")) as desk:
        one = await desk.result(query="moose", order="oldest", limit=1)
        two = await desk.result(query="moose", order="oldest")
    assert one.structured["page"]["mark"] == "^^"
    assert one.structured["hits"][0]["excerpt"].endswith("The **^^moose^^** =it= ~was~ a ^^moose^^")
    prefix = two.text.partition(" ")[0]
    assert two.structured["page"]["mark"] == prefix
    assert two.structured["hits"][1]["excerpt"] == f"*=~^|@%+ {prefix}moose{prefix}"
    assert len(re.findall(f"^{prefix} (?:user|assistant) ", two.text, re.MULTILINE)) == 2


ODD: Final = {
    "東京": ["昨日、東京都で会った。"],
    "会议": ["下周的会议改到周三"],
    "uber": ["Über die Rückerstattung"],
    "don't": ["I don’t like it."],
    "don’t": ["I don’t like it."],
    "c++": ["Write it in C++ or C#"],
    "C#": ["Write it in C++ or C#"],
    '"a moose': ["It was a moose"],
    "moose\x00* OR (NEAR": ["It was a moose"],
    "moose AND NOT": ["It was a moose"],
    "\ud800 moose": ["It was a moose"],
    "foo/bar.py:12": ["See foo/bar.py:12"],
    "🎉": ["A party 🎉"],
    "moose -was": [],
    '"was a" -moose': [],
    "moose " * 10_000: ["It was a moose"],
}


@both
async def test_no_odd_query_is_an_error(upstream: Upstream) -> None:
    texts = dict.fromkeys(text for found in ODD.values() for text in found)
    async with opened(thread("thread_1", *texts)) as desk:
        for query, expected in ODD.items():
            found = await desk.find(upstream, query=query)
            mark = found["page"].get("mark", "**")
            assert [hit["excerpt"].replace(mark, "") for hit in found["hits"]] == expected, query
            assert ("warning" in found["page"]) is (len(query) > 4_000)


@both
async def test_only_common_words_find_the_newest_messages_and_the_page_says_so(
    upstream: Upstream,
) -> None:
    async with opened(thread("thread_1", "what is it"), thread("thread_2", "it is that")) as desk:
        found = await desk.find(upstream, query="what is it?")
    assert ids(found) == ["msg_thread_2_0", "msg_thread_1_0"]
    assert (found["page"]["matched"], found["page"]["order"]) == ("common words", "newest")


@pytest.mark.parametrize(
    ("arguments", "message", "next_step"),
    [
        ({}, "The query is empty.", "Give words, a question, or an exact phrase"),
        ({"query": ""}, "The query is empty.", "Give words"),
        ({"query": " \x00\n"}, "The query is empty.", "Give words"),
        ({"query": "-moose"}, "The query -moose only says what to leave out.", "Add a word"),
        ({"query": "a", "since": "soon"}, "since is not a date, a time or an age.", "Use a date"),
        ({"query": "a", "context": 6}, "context must be from 0 to 5, not 6.", "Fix the call."),
        ({"query": "a", "limit": 51}, "limit must be from 1 to 50, not 51.", "Fix the call."),
        ({"query": "a", "role": "me"}, 'role must be "user" or "assistant", not "me".', "Fix"),
        ({"query": ["a"]}, "query must be a string, not an array.", "Fix the call."),
    ],
)
async def test_a_call_that_cannot_be_answered_says_what_to_change(
    arguments: JSON, message: str, next_step: str
) -> None:
    async with opened() as desk:
        error = await desk.error(**arguments)
    assert (error.code, error.message) == ("invalid_arguments", message)
    assert error.next_step.startswith(next_step)


@both
async def test_role_and_period_limit_what_is_found(upstream: Upstream) -> None:
    threads = (thread(f"thread_{day}", "a moose", "no moose", day=day) for day in (1, 2, 3))
    async with opened(*threads) as desk:
        found = await desk.find(
            upstream, query="moose", role="assistant", since="2026-11-02", until="2026-11-02"
        )
        none = await desk.find(upstream, query="moose", since="2026-12")
    assert ids(found) == ["msg_thread_2_1"]
    assert none["hits"] == []
    assert none["page"]["stopped_by"] == "end"


@both
async def test_conversations_and_stored_completions_are_searched_too(upstream: Upstream) -> None:
    async with opened() as desk:
        await desk.store.import_conversation(
            ImportedConversation(
                key="c",
                id="conv_1",
                created_at=NOVEMBER,
                items=[
                    ImportedItem(item)
                    for item in (
                        {"role": "user", "content": "Where is the moose?"},
                        {
                            "type": "function_call",
                            "name": "moose",
                            "arguments": "{}",
                            "call_id": "1",
                        },
                        {"type": "function_call_output", "call_id": "1", "output": "moose"},
                        {"role": "assistant", "content": "The moose is here."},
                    )
                ],
            )
        )
        await desk.store.import_completion(
            ImportedCompletion(
                key="d",
                id="chatcmpl-1",
                created_at=NOVEMBER,
                model="m",
                messages=[{"role": "user", "content": "Say moose"}],
                choices=[{"index": 0, "message": {"role": "assistant", "content": "A moose"}}],
            )
        )
        of_conversation = await desk.find(upstream, query="moose", thread_id="conv_1", context=1)
        of_completion = await desk.find(upstream, query="moose", thread_id="chatcmpl-1")
        dated = await desk.find(READ, query="moose", thread_id="conv_1", since="2027")
    [hit] = of_conversation["hits"]
    shown = {each["text"].replace("**", "") for each in hit.get("before", hit.get("after"))}
    assert {*shown, hit["excerpt"].replace("**", "")} == {
        "Where is the moose?",
        "The moose is here.",
    }
    assert len(ids(of_completion)) == 2
    assert dated["page"]["warning"] == UNDATED
    assert len(ids(dated)) == 2


@pytest.mark.parametrize("order", ["relevance", "newest", "oldest"])
@both
async def test_a_title_is_found_as_a_part_of_the_first_message(
    upstream: Upstream, order: str
) -> None:
    def called(number: int, role: str = "user", **metadata: str) -> ImportedThread:
        first = ImportedMessage(role=role, content="We begin.", created_at=NOVEMBER)
        plain = thread(f"thread_{number}", "We go on.", "And end.")
        return replace(plain, metadata=metadata, messages=[first, *plain.messages])

    titled = (
        called(1, title="Lighthouse"),
        called(2, name="The lighthouse"),
        called(3, topic="lighthouses"),
        called(4, title="Windmill", topic="lighthouse"),
        called(5, role="tool", title="Lighthouse"),
    )
    async with opened(*titled) as desk:
        await desk.store.import_conversation(
            ImportedConversation(
                key="c",
                id="conv_1",
                created_at=NOVEMBER,
                metadata={"title": "Lighthouse"},
                items=[
                    ImportedItem({"role": "user", "content": "We begin."}),
                    ImportedItem({"role": "assistant", "content": "We end."}),
                ],
            )
        )
        await desk.store.import_completion(
            ImportedCompletion(
                key="d",
                id="chatcmpl-1",
                created_at=NOVEMBER,
                model="m",
                metadata={"title": "Lighthouse"},
                messages=[{"role": "user", "content": "We begin."}],
                choices=[{"index": 0, "message": {"role": "assistant", "content": "We end."}}],
            )
        )
        found = await desk.find(upstream, query="lighthouse begins", order=order)
        single = {
            thread_id: await desk.find(upstream, query="lighthouse", thread_id=thread_id)
            for thread_id in (*(f"thread_{n}" for n in range(1, 6)), "conv_1", "chatcmpl-1")
        }
        dashed = await desk.find(upstream, query="begin -lighthouse", order=order)
    shown = {
        thread_id: [(hit["excerpt"], hit["thread_id"]) for hit in page["hits"]]
        for thread_id, page in single.items()
    }
    begun = {name: [("We begin.", name)] for name in single}
    assert shown == begun | {"thread_4": [], "thread_5": [("", "thread_5")]}
    listed = {hit["thread_id"]: hit["excerpt"] for hit in found["hits"]}
    begins = "We **begin**."
    names: tuple[str, ...] = ("thread_1", "thread_2", "thread_3")
    if order == "relevance":  # else only those that have both words
        names = (*names, "thread_4", "thread_5")
    expected = dict.fromkeys(names, begins) | ({"thread_5": ""} if "thread_5" in names else {})
    assert {name: listed.get(name) for name in expected} == expected
    assert set(listed) - {"conv_1", "chatcmpl-1"} == set(expected)
    assert "thread_4" in {hit["thread_id"] for hit in dashed["hits"]}
    assert not {"thread_1", "thread_5"} & {hit["thread_id"] for hit in dashed["hits"]}


async def test_a_title_that_cannot_be_read_is_reported() -> None:
    async with opened(thread("thread_1", *TALK, title="Lighthouse")) as desk:

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/v1/threads/thread_1":
                await send({"type": "http.response.start", "status": 400, "headers": []})
                await send({"type": "http.response.body", "body": b"{}"})
            else:
                await desk.store.app(scope, receive, send)

        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(answer)) as http:
            found = await Desk(desk.store, http).find(READ, query="moose", thread_id="thread_1")
        last = await desk.find(READ, Bounds(requests=1), query="moose", thread_id="thread_1")
    for page in (found["page"], last["page"]):
        assert (page["returned"], page["has_more"]) == (0, False)
        assert page["warning"] == "the title of the thread could not be read"


# What is looked at one by one, and how far.


def many(count: int, moose: Callable[[int], bool]) -> ImportedThread:
    return thread("thread_1", *(f"{n} {'moose' if moose(n) else 'elk'}" for n in range(count)))


async def test_reading_goes_on_where_the_requests_of_a_call_ended_and_is_reported() -> None:
    reports: list[tuple[int, int]] = []

    async def report(done: int, total: int) -> None:
        reports.append((done, total))

    bounds = Bounds(requests=2)
    async with opened(many(450, lambda n: n in {7, 200, 440})) as desk:
        arguments = {"query": "moose", "thread_id": "thread_1"}
        first = await desk.result(READ, bounds, report, **arguments)
        pages = await desk.pages(READ, bounds, **arguments)
    assert "messages looked at: 200, stopped by requests. More follow: cursor=" in first.text
    assert [page["page"].get("scanned") for page in pages] == [200, 200, 50]
    assert [page["page"]["stopped_by"] for page in pages] == ["requests", "requests", "end"]
    assert [ids(page) for page in pages] == [[f"msg_thread_1_{n}"] for n in (440, 200, 7)]
    assert reports == [(100, 200), (200, 200)]


async def test_a_scan_by_relevance_ranks_what_one_call_can_look_at() -> None:
    said = [f"moose {n}" for n in range(240)]
    said[30], said[120] = "the moose ate the contract", "the moose and the contract"
    async with opened(thread("thread_1", *said)) as desk:
        found = await desk.find(READ, query="contract of a moose", limit=3)
        pages = await desk.pages(READ, query="moose contract", limit=50)
    assert ids(found)[:2] == ["msg_thread_1_120", "msg_thread_1_30"]
    assert sorted(each for page in pages for each in ids(page)) == sorted(
        f"msg_thread_1_{n}" for n in range(240)
    )


async def test_a_page_that_reads_less_than_the_one_before_repeats_no_hit() -> None:
    arguments = {"thread_id": "thread_1", "limit": 1}
    async with opened(many(300, lambda n: n in {20, 40})) as desk:
        first = await desk.find(READ, query="moose", **arguments)
        cursor = first["page"]["next_cursor"]
        short = await desk.find(READ, Bounds(requests=1), cursor=cursor, **arguments)
        rest = await desk.pages(READ, cursor=short["page"]["next_cursor"], **arguments)
    assert [ids(page) for page in (first, short, *rest)] == [
        ["msg_thread_1_40"],
        [],
        ["msg_thread_1_20"],
    ]


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_a_scan_by_time_ends_with_enough_hits(order: str) -> None:
    async with opened(many(450, lambda n: n % 40 == 0)) as desk:
        found = await desk.find(READ, query="moose", order=order, limit=2, thread_id="thread_1")
        pages = await desk.pages(READ, query="moose", order=order, limit=5)
    numbers = [0, 40] if order == "oldest" else [440, 400]
    assert ids(found) == [f"msg_thread_1_{n}" for n in numbers]
    assert found["page"]["scanned"] <= 100
    assert found["page"]["stopped_by"] == "limit"
    walked = [each for page in pages for each in ids(page)]
    expected = [f"msg_thread_1_{n}" for n in range(0, 450, 40)]
    assert walked == (expected if order == "oldest" else expected[::-1])


@pytest.mark.parametrize("everywhere", [True, False])
@both
async def test_in_order_of_time_a_common_word_does_not_hide_messages_that_have_all_words(
    upstream: Upstream, *, everywhere: bool
) -> None:
    said = ["elk"] * 300
    said[20] = said[190] = "the elk and the moose"
    said[40] = "an owl"
    within = {} if everywhere else {"thread_id": "thread_1"}
    arguments = {"order": "newest", "limit": 1, **within}
    async with opened(thread("thread_1", *said)) as desk:
        bounds = Bounds(requests=3 if everywhere else 2)  # for 200 messages
        pages = await desk.pages(upstream, bounds, query="moose elk", **arguments)
        result = await desk.result(upstream, query="moose elk", order="newest", **within)
        rarer = await desk.find(upstream, query="elk and owls", order="oldest", **within)
        whole = await desk.find(upstream, query="elk badger", order="oldest", limit=2, **within)
    found = [each for page in pages for each in ids(page)]
    assert found == ["msg_thread_1_190", "msg_thread_1_20"]
    assert {page["page"]["matched"] for page in pages if page["hits"]} == {"all words"}
    assert "2 hits for all words, newest first" in result.text
    # No message has both words.
    assert (ids(rarer), rarer["page"]["matched"]) == (["msg_thread_1_40"], "any word")
    assert (ids(whole), whole["page"]["matched"]) == (
        ["msg_thread_1_0", "msg_thread_1_1"],
        "any word",
    )
    assert whole["page"]["has_more"]


async def test_a_scan_lists_messages_with_the_same_words_on_all_of_its_pages() -> None:
    said = [f"{'elk and moose' if n == 21 else 'elk' if n % 2 else 'owl'} {n}" for n in range(250)]
    async with opened(thread("thread_1", *said)) as desk:
        pages = await desk.pages(
            READ, Bounds(requests=3), query="elk moose", order="newest", limit=50
        )
    found = [each for page in pages for each in ids(page)]
    assert found == [f"msg_thread_1_{n}" for n in range(249, -1, -2)]
    assert [page["page"]["matched"] for page in pages] == ["any word"] * len(pages)


async def test_without_a_thread_an_upstream_that_cannot_list_threads_asks_for_one() -> None:
    async with opened(thread("thread_1", *TALK)) as desk:
        error = await desk.error(dataclasses.replace(EMBEDDED, profile=OPENAI), query="refund")
        found = await desk.find(without(SEARCH, LIST_THREADS), query="refund", thread_id="thread_1")
    assert error.code == "invalid_arguments"
    assert error.message == (
        "thread_id is required: the upstream openai has no search and cannot list its threads, so "
        "only one of them can be searched at a time."
    )
    assert error.next_step.startswith("Call again with thread_id")
    assert len(ids(found)) == 2


async def test_threads_are_read_newest_first_until_the_requests_of_a_call_end() -> None:
    threads = [thread(f"thread_{n}", f"moose {n}", "elk") for n in range(7)]
    async with opened(*threads) as desk:
        pages = await desk.pages(READ, Bounds(requests=3), query="moose", order="newest")
        ranked = await desk.pages(READ, Bounds(requests=3), query="moose")
        oldest = await desk.pages(READ, query="moose", order="oldest", limit=2)
    newest = [f"msg_thread_{n}_0" for n in range(6, -1, -1)]
    assert [each for page in pages for each in ids(page)] == newest
    assert sorted(each for page in ranked for each in ids(page)) == sorted(newest)
    assert [each for page in oldest for each in ids(page)] == newest[::-1]
    assert {page["page"]["stopped_by"] for page in pages[:-1]} == {"requests"}


async def test_an_unknown_thread_is_not_found_with_or_without_an_index() -> None:
    async with opened() as desk:
        errors = [
            await desk.error(upstream, query="a", thread_id="thread_9")
            for upstream in (INDEXED, READ)
        ]
    assert [error.code for error in errors] == ["not_found", "not_found"]


# Cursors.


@both
async def test_arguments_that_disagree_with_a_cursor_are_refused(upstream: Upstream) -> None:
    async with opened(*(thread(f"thread_{n}", "a moose") for n in range(3))) as desk:
        first = await desk.find(upstream, query="moose", order="newest", role="user", limit=1)
        cursor = first["page"]["next_cursor"]
        errors = [
            await desk.error(upstream, cursor=cursor, **others)
            for others in (
                {"query": "elk"},
                {"order": "oldest"},
                {"order": "relevance"},
                {"role": "assistant"},
                {"thread_id": "thread_1"},
                {"since": "7d"},
            )
        ]
        damaged = await desk.error(upstream, cursor=cursor.replace("user", "used"))
        same = await desk.find(
            upstream, cursor=cursor, query="moose", order="newest", role="user", limit=5
        )
    assert [error.message for error in errors] == [
        "cursor conflicts with query.",
        "cursor conflicts with order.",
        "cursor conflicts with order.",
        "cursor conflicts with role.",
        "cursor was created for another id.",
        "cursor conflicts with since.",
    ]
    assert damaged.message == "cursor is damaged."
    assert ids(same) == ["msg_thread_1_0", "msg_thread_0_0"]


async def test_a_cursor_with_an_index_is_of_no_use_without_and_the_other_way_round() -> None:
    async with opened(*(thread(f"thread_{n}", "a moose") for n in range(3))) as desk:
        cursors = [
            (await desk.find(upstream, query="moose", limit=1))["page"]["next_cursor"]
            for upstream in (INDEXED, READ)
        ]
        error = await desk.error(READ, cursor=cursors[0])
        later = await desk.find(INDEXED, cursor=cursors[1])
    assert error.message == "cursor is damaged, or was created when the upstream had search."
    assert len(ids(later)) == 2  # a scan goes on as it began


@both
async def test_context_of_a_cursor_stays_unless_it_is_changed(upstream: Upstream) -> None:
    talks = (thread(f"thread_{n}", "elk", "moose", "bear") for n in range(3))
    async with opened(*talks) as desk:
        first = await desk.find(upstream, query="moose", context=1, limit=1)
        cursor = first["page"]["next_cursor"]
        kept = await desk.find(upstream, cursor=cursor, limit=1)
        changed = await desk.find(upstream, cursor=cursor, limit=1, context=0)
    assert [len(page["hits"][0].get("before", ())) for page in (first, kept, changed)] == [1, 1, 0]


# Size.


@pytest.mark.parametrize("output", ["both", "text", "structured"])
@both
async def test_pages_are_cut_between_hits_and_never_exceed_their_size(
    upstream: Upstream, output: Output
) -> None:
    texts = [f"{n} moose {chr(34) * 90} \x01\x02 {'word ' * 60}" for n in range(12)]
    threads = [thread(f"thread_{n}", "elk", text, title="T" * 500) for n, text in enumerate(texts)]
    bounds = Bounds(result_chars=2_000, output=output)
    async with opened(*threads) as desk:
        arguments: JSON = {"query": "moose", "limit": 50, "context": 1}
        found: list[str] = []
        for _ in range(100):
            result = await desk.result(upstream, bounds, **arguments)
            compact = json.dumps(result.structured, ensure_ascii=False, separators=(",", ":"))
            size = len(result.text) * (output != "structured") + len(compact) * (output != "text")
            assert size <= 2_000
            page = result.structured["page"]
            assert page["returned"] == len(result.structured["hits"])
            found += ids(result.structured)
            if not page["has_more"]:
                break
            assert page["stopped_by"] in {"size", "limit"}
            arguments = {"cursor": page["next_cursor"], "limit": 50}
    assert sorted(found) == sorted(f"msg_thread_{n}_1" for n in range(12))


async def test_a_hit_that_is_too_long_for_any_page_is_an_error_that_says_so() -> None:
    async with opened() as desk:
        owner = "thread_" + "x" * 240
        await desk.store.import_thread(
            ImportedThread(
                key="k",
                id=owner,
                created_at=NOVEMBER,
                messages=[
                    ImportedMessage(id="m" * 256, role="user", content="moose", created_at=NOVEMBER)
                ],
            )
        )
        for upstream in (INDEXED, READ):
            with pytest.raises(ToolError, match="A hit does not fit into a result of 900"):
                await desk.find(upstream, Bounds(result_chars=900), query="moose")


# An upstream that fails.


@asynccontextmanager
async def faulty(
    alter: Callable[[int, JSON], tuple[int, object]], count: int = 60
) -> AsyncIterator[Desk]:
    """Open a store of hits whose replies to searches are altered.

    Args:
        alter: returns the status and the body to send instead, given the number of the request and
            the store's own body.
        count: the number of hits.
    """
    asked = itertools.count(1)

    async with opened(*(thread(f"thread_{n}", "elk", f"moose {n}") for n in range(count))) as desk:

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] != "/v1/search":
                await desk.store.app(scope, receive, send)
                return
            query = scope["query_string"].decode()
            own = await desk.http.get(f"{EMBEDDED.base_url}/search?{query}")
            status, body = alter(next(asked), own.json())
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": json.dumps(body).encode()})

        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(answer)) as http:
            yield Desk(desk.store, http)


async def test_a_store_without_search_is_read_instead() -> None:
    async with faulty(lambda _number, _body: (404, {"error": {"message": "Not Found"}}), 3) as desk:
        found = await desk.find(query="moose")
    assert found["page"]["scanned"] == 6
    assert len(ids(found)) == 3


@pytest.mark.parametrize(
    "second",
    [
        (500, {"error": {"message": "broken"}}),
        (200, {"object": "list", "data": None}),
        (200, {"object": "list", "data": [], "next_cursor": 7}),
    ],
)
async def test_a_failure_after_the_first_hits_keeps_them(second: tuple[int, JSON]) -> None:
    def alter(number: int, body: JSON) -> tuple[int, JSON]:
        return (200, body) if number == 1 else second

    async with faulty(alter) as desk:
        found = await desk.find(query="moose", limit=50)
    assert 0 < found["page"]["returned"] < 50
    assert found["page"]["warning"] == FAILED
    assert found["page"]["next_cursor"]


async def test_a_page_without_hits_names_no_match_and_no_items_before_a_failure() -> None:
    def alter(number: int, body: JSON) -> tuple[int, object]:
        empty = {**body, "data": [], "next_cursor": "AAA"}
        return (200, empty) if number == 1 else (400, {"error": {"message": "broken"}})

    def shown(result: Result) -> str:
        cursor = result.structured["page"]["next_cursor"]
        return result.text[2:].replace(cursor or "no cursor", "CURSOR")

    failed = (
        " stopped by requests. More follow: cursor=CURSOR"
        " Warning: the request for the next items failed; continue with the cursor.\n"
    )
    async with faulty(alter, 1) as desk:
        indexed = await desk.result(query='"moose 0"')
    async with opened(many(150, lambda _: False)) as desk:
        none = await desk.result(query='"moose"')
        read = await desk.result(READ, query='"moose"')

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if b"after=msg_" in scope["query_string"]:
                await send({"type": "http.response.start", "status": 400, "headers": []})
                await send({"type": "http.response.body", "body": b"{}"})
            else:
                await desk.store.app(scope, receive, send)

        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(answer)) as http:
            half_read = await Desk(desk.store, http).result(READ, query='"moose"')
    assert shown(none) == " 0 hits. No more follow.\n"
    assert shown(read) == " 0 hits, messages looked at: 150. No more follow.\n"
    assert shown(indexed) == f" 0 hits,{failed}"
    assert shown(half_read) == f" 0 hits, messages looked at: 100,{failed}"


@pytest.mark.parametrize("ends", ["requests", "deadline", "failure"])
async def test_a_call_that_ends_before_the_first_hit_continues_with_its_cursor(ends: str) -> None:
    """An index that compares many texts with a phrase sends pages without hits, and cursors."""

    def alter(number: int, body: JSON) -> tuple[int, object]:
        if number >= 3 and ends == "failure":
            return 500, {"error": {"message": "broken"}}
        return 200, {**body, "data": [], "next_cursor": f"AAA{number}"}

    bounds = {
        "requests": Bounds(requests=2),
        "deadline": Bounds(requests=1_000_000, deadline_s=paced_s(0.5)),
        "failure": Bounds(),
    }
    async with faulty(alter, 1) as desk:
        page = (await desk.find(INDEXED, bounds[ends], query="moose"))["page"]
    assert (page["returned"], page["has_more"]) == (0, True)
    assert page["next_cursor"]
    allowed: dict[str, list[tuple[str, str | None]]] = {
        "requests": [("requests", None)],
        # The client also gives up on a request whose next attempt would begin after the deadline.
        "deadline": [("deadline", None), ("requests", FAILED)],
        "failure": [("requests", FAILED)],
    }
    assert (page["stopped_by"], page.get("warning")) in allowed[ends]


async def test_an_index_that_repeats_its_cursor_is_not_followed_for_ever() -> None:
    def alter(_number: int, body: JSON) -> tuple[int, JSON]:
        return 200, {**body, "data": body.get("data", [])[:1], "next_cursor": "AAAA"}

    async with faulty(alter) as desk:
        found = await desk.find(query="moose", limit=50)
    assert found["page"]["warning"] == STUCK
    assert (found["page"]["has_more"], found["page"]["next_cursor"]) == (True, None)


async def test_a_reply_is_read_leniently() -> None:
    def alter(_number: int, _body: JSON) -> tuple[int, JSON]:
        excerpt = {"text": "a moose", "spans": [[2, 7], [0, 3], [5, 99], "x", [1]], "start": -1}
        rows = [
            {"id": "msg_1", "thread_id": "thread_1", "excerpt": excerpt, "role": "a b", "new": 1},
            {"id": "bad id", "thread_id": "thread_1", "excerpt": {}},
            {"id": "msg_2", "thread_id": "thread_2", "excerpt": {"text": None}},
            "no hit",
        ]
        return 200, {"data": rows, "search": {"complete": False, "cut": True}}

    async with faulty(alter) as desk:
        found = await desk.find(query="moose")
    assert found["hits"] == [
        {"id": "msg_1", "thread_id": "thread_1", "role": "unknown", "excerpt": "a **moose**"},
        {"id": "msg_2", "thread_id": "thread_2", "role": "unknown", "excerpt": ""},
    ]
    assert found["page"]["warning"].startswith(f"{UNFINISHED}; the query is too long")


@pytest.mark.parametrize(
    ("importing", "warning"),
    [
        (["codex", "llm"], "sessions of codex, llm are still being imported; search again later"),
        (
            ["long-name"] * 7,
            "sessions of 7 programs are still being imported; search again later",
        ),
        (["a b", None], None),
        ("codex", None),
    ],
)
async def test_the_page_says_which_sessions_are_still_being_imported(
    importing: object, warning: str | None
) -> None:
    def alter(_number: int, body: JSON) -> tuple[int, JSON]:
        return 200, {**body, "search": {**body["search"], "importing": importing}}

    async with faulty(alter, 3) as desk:
        found = await desk.find(query="moose")
    assert found["page"].get("warning") == warning


@pytest.mark.parametrize("semantic", [True, False])
async def test_the_page_says_whether_meanings_were_compared(*, semantic: bool) -> None:
    def alter(_number: int, body: JSON) -> tuple[int, JSON]:
        about = {"matched": "meaning" if semantic else "any_word", "semantic": semantic}
        return 200, {**body, "search": {**body["search"], **about}}

    async with faulty(alter, 3) as desk:
        found = await desk.result(query="moose")
    page = found.structured["page"]
    assert (page["matched"], page["semantic"]) == (
        ("meaning", True) if semantic else ("any word", False)
    )
    assert ("3 hits for words or meaning, best first" in found.text) is semantic
    assert page.get("warning") == (None if semantic else BY_WORDS)


async def test_hits_stay_without_context_if_it_cannot_be_read() -> None:
    def alter(_number: int, body: JSON) -> tuple[int, JSON]:
        return 200, {**body, "data": [{**row, "thread_id": "thread_9"} for row in body["data"]]}

    async with faulty(alter, 3) as desk:
        found = await desk.find(query="moose", context=2)
    assert len(ids(found)) == 3
    assert found["page"]["warning"] == "the messages around some hits could not be read"


async def test_the_requests_for_context_are_limited_and_the_cursor_goes_on() -> None:
    async with opened(*(thread(f"thread_{n}", "elk", f"moose {n}") for n in range(12))) as desk:
        pages = await desk.pages(INDEXED, Bounds(requests=7), query="moose", context=1, limit=50)
    assert [page["page"]["returned"] for page in pages] == [3, 3, 3, 3]
    assert pages[0]["page"]["stopped_by"] == "requests"
    assert len({each for page in pages for each in ids(page)}) == 12


@both
async def test_a_call_ends_at_its_deadline(upstream: Upstream) -> None:
    async def never(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.Event().wait()

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(never)) as http:
        call = Call.begin(Client(http, upstream), Bounds(deadline_s=0.05))
        with pytest.raises(ToolError) as failed:
            await SEARCH_MESSAGES.run(call, {"query": "moose"})
    assert failed.value.code in {"deadline_exceeded", "upstream_unavailable"}


# Isolation.


@both
async def test_a_caller_finds_nothing_of_another_partition_not_even_by_its_cursor(
    upstream: Upstream,
) -> None:
    ours = dataclasses.replace(upstream, headers=(("OpenAI-Project", "ours"),))
    async with opened(*(thread(f"thread_{n}", "a moose") for n in range(3))) as desk:
        first = await desk.find(upstream, query="moose", limit=1)
        found = await desk.find(ours, query="moose")
        theirs = {"cursor": first["page"]["next_cursor"]}
        if upstream is INDEXED:
            error = await desk.error(ours, **theirs)
            assert error.code == "invalid_arguments"
        else:
            assert (await desk.find(ours, **theirs))["hits"] == []
    assert found["hits"] == []
    assert found["page"].get("scanned", 0) == 0


# Under change.


@dataclass(frozen=True)
class Turn:
    """What happens before the next page is read."""

    adds: int
    erases: tuple[int, ...]


turns = st.builds(Turn, st.integers(0, 3), st.lists(st.integers(0, 200), max_size=4).map(tuple))


@settings(max_examples=sized(quick=12, long=1_000), deadline=None)
@given(
    read=st.booleans(),
    everywhere=st.booleans(),
    order=st.sampled_from(["relevance", "newest", "oldest"]),
    limit=st.integers(1, 7),
    context=st.integers(0, 2),
    requests=st.sampled_from([4, 50]),
    counts=st.lists(st.integers(1, 25), min_size=1, max_size=3),
    changes=st.lists(turns, max_size=8),
)
@pytest.mark.timeout(limit_s(600))
async def test_what_is_there_throughout_is_found_once_while_others_are_added_and_deleted(
    *,
    read: bool,
    everywhere: bool,
    order: str,
    limit: int,
    context: int,
    requests: int,
    counts: list[int],
    changes: list[Turn],
) -> None:
    upstream = READ if read else INDEXED
    threads = [
        thread(f"thread_{at}", *(f"moose {n}{' elk' * (n % 3)}" for n in range(count)))
        for at, count in enumerate(counts)
    ]
    within = {} if everywhere else {"thread_id": "thread_0"}
    bounds = Bounds(requests=requests)
    async with opened(*threads) as desk:
        living = [
            str(message.id)
            for each in (threads if everywhere else threads[:1])
            for message in each.messages
        ]
        there = list(living)
        shown: list[str] = []
        arguments: JSON = {"query": "moose elk", "order": order, "context": context, **within}
        for number in range(200):
            found = await desk.find(upstream, bounds, **arguments, limit=limit)
            page = found["page"]
            shown += [each for hit in found["hits"] for each in ids_of(hit)]
            assert page["has_more"] is (page["next_cursor"] is not None)
            if not page["has_more"]:
                break
            arguments = {"cursor": page["next_cursor"], **within}
            turn = changes[number] if number < len(changes) else Turn(0, ())
            for place in turn.erases:
                gone = there[place % len(there)]
                if gone in living:
                    living.remove(gone)
                    owner = gone.removeprefix("msg_").rpartition("_")[0]
                    url = f"{EMBEDDED.base_url}/threads/{owner}/messages/{gone}"
                    assert (await desk.http.delete(url, headers=BETA)).status_code == 200
            for _ in range(turn.adds):
                url = f"{EMBEDDED.base_url}/threads/thread_0/messages"
                body = {"role": "user", "content": "moose elk, added later"}
                assert (await desk.http.post(url, json=body, headers=BETA)).status_code == 200
        else:
            pytest.fail("the walk does not end")
    assert len(shown) == len(set(shown))
    if order != "relevance" and max(counts if everywhere else counts[:1]) > 1:
        living = [each for each in living if int(each.rpartition("_")[2]) % 3]  # with both words
    assert set(living) <= set(shown)


# Tokens.


SAID: Final = (
    *("Where do we eat?", "The moose serves good soup on Mondays.", "Fine, let us go there."),
)


async def test_ten_short_hits_and_one_with_context_cost_few_tokens() -> None:
    of_ten, of_one = zip(
        *[await short_hits(is_new=is_new) for is_new in (True, False)], strict=True
    )
    counted = count_tokens([*of_ten, *of_one])  # in one process
    assert max(counted[:2]) <= 700
    assert max(counted[2:]) <= 300


async def short_hits(*, is_new: bool) -> tuple[str, str]:
    """Return the text of a page of ten hits, and that of one hit with context.

    Args:
        is_new: whether the messages were created, and have the random ids of the store. Otherwise
            they were imported, and each id is like those before it.
    """
    imported = () if is_new else [thread(f"thread_{n}", *SAID, day=n + 1) for n in range(10)]
    async with opened(*imported) as desk:
        for _ in range(10 * is_new):
            messages = [{"role": "user", "content": text} for text in SAID]
            url, body = f"{EMBEDDED.base_url}/threads", {"messages": messages}
            assert (await desk.http.post(url, json=body, headers=BETA)).status_code == 200
        ten = await desk.result(query="which moose serves soup?")
        one = await desk.result(query="which moose serves soup?", limit=1, context=2)
    assert ten.structured["page"]["returned"] == 10
    assert [len(hit["after"]) for hit in one.structured["hits"]] == [1]
    return ten.text, one.text


LONG: Final = {
    "English": {
        "soup in the harbour": (
            "We compared the offers of last month, and none of them was as cheap as we had hoped. "
            "In the end somebody remembered that the soup in the harbour is served until midnight, "
            "which nobody else could promise, so we agreed to meet there after the second talk. "
        )
    },
    "Russian": {
        "суп в гавани": (
            "Мы сравнили все предложения прошлого месяца, и ни одно не оказалось таким дешёвым. "
            "В конце концов кто-то вспомнил, что суп в гавани подают до полуночи, чего никто "
            "больше не мог обещать, и мы договорились встретиться там после второго доклада. "
        )
    },
    "Japanese": {
        "港のスープ": (
            "先月の見積もりを全部比べましたが、期待したほど安いものは一つもありませんでした。"
            "結局、港のスープは真夜中まで出してくれると誰かが思い出したので、"
            "二つ目の講演のあとでそこに集まることにしました。"
        )
    },
}


async def test_ten_long_hits_cost_few_tokens() -> None:
    ways = {"indexed": INDEXED, "read": READ}
    found = {
        (language, way): await ten_long_hits(ways[way], language)
        for language, way in itertools.product(LONG, ways)
    }
    counted = dict(zip(found, count_tokens(list(found.values())), strict=True))  # in one process
    assert {which: count for which, count in counted.items() if count > 700} == {}


async def ten_long_hits(upstream: Upstream, language: str) -> str:
    """Return the text of a page of ten hits in long messages, after checks of its excerpts."""
    ((query, said),) = LONG[language].items()
    threads = (thread(f"thread_{n}", said * (3 + n % 3)) for n in range(10))
    async with opened(*threads, thread("thread_10", query)) as desk:
        ten = await desk.result(upstream, query=query)
        few = await desk.find(upstream, query=query, limit=5)
    assert ten.structured["page"]["returned"] == 10
    # Every excerpt still shows why it was found, and a page with fewer hits has longer ones.
    hits = ten.structured["hits"]
    assert all("**" in hit["excerpt"] for hit in hits)
    assert hits[0]["excerpt"].replace("**", "") == query
    assert all("…" in hit["excerpt"] and hit["chars"] for hit in hits[1:])
    longest = [max(len(hit["excerpt"]) for hit in page) for page in (hits, few["hits"])]
    assert longest[0] < longest[1]
    return ten.text
