"""One conversation, stored in the three ways there are, is the same through the same tools."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import cycle, product

import httpx2
import pytest

from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from backscroll_tools import registry
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import CONVERSATIONS
from backscroll_tools.client.profiles import EMBEDDED, STORE
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.tool import Bounds, Call

TOOLS = {tool.name: tool for tool in registry.TOOLS}
WORDS = [
    "Hello",
    "Grüße, 世界 \U0001f642\u200d\u2195\ufe0f",
    "line\n\nline\r\n\ttab",
    '{"json": "\\u0041"}',
    "مرحبا \u202etxet",
    "e\u0301 é",
    "x" * 300,
]
SAID = [
    ("user" if number % 3 else "assistant", f"{number} {WORDS[number % len(WORDS)]}")
    for number in range(43)
]
THREAD, CONVERSATION, COMPLETION = "thread_same", "conv_same", "chatcmpl-same"
WAYS: list[tuple[str, JSON]] = [
    ("list-messages", {"thread_id": THREAD}),
    ("list-messages", {"thread_id": CONVERSATION}),
    ("get-chat-messages", {"completion_id": COMPLETION}),
]
"""The same conversation, each way."""


class Alternating(httpx2.AsyncBaseTransport):
    """Sends each request to another replica than the one before it."""

    def __init__(self, *stores: Store) -> None:
        self._replicas = cycle([httpx2.ASGITransport(store.app) for store in stores])

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await next(self._replicas).handle_async_request(request)


@pytest.fixture(params=["SQLite", "two replicas on one PostgreSQL"])
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Store, ...]]:
    if request.param == "SQLite":
        async with open_store("sqlite://") as opened:
            yield (opened,)
        return
    async with (
        request.getfixturevalue("postgres").database() as url,
        open_store(url) as first,
        open_store(url) as second,
    ):
        yield first, second


@pytest.fixture
def store(stores: tuple[Store, ...]) -> Store:
    return stores[0]


@pytest.fixture
async def client(stores: tuple[Store, ...]) -> AsyncIterator[Client]:
    async with httpx2.AsyncClient(transport=Alternating(*stores)) as http:
        yield Client(http, EMBEDDED)


@pytest.fixture
async def conversations_only(store: Store) -> AsyncIterator[Client]:
    """A client of a store that serves conversations and nothing else, as OpenAI nearly does."""
    profile = replace(STORE, serves=frozenset({CONVERSATIONS}))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app)) as http:
        yield Client(http, replace(EMBEDDED, profile=profile))


async def call(
    client: Client, tool_name: str, arguments: JSON, bounds: Bounds | None = None
) -> JSON:
    tool = TOOLS[tool_name]
    result = await tool.run(Call.begin(client, bounds or Bounds()), validated(tool, arguments))
    return result.structured


async def walk(
    client: Client, tool_name: str, arguments: JSON, bounds: Bounds | None = None
) -> list[JSON]:
    """Return every page of a list, in at most 200 calls."""
    pages: list[JSON] = []
    for _ in range(200):
        pages.append(await call(client, tool_name, arguments, bounds))
        cursor = pages[-1]["page"]["next_cursor"]
        if cursor is None:
            assert pages[-1]["page"]["has_more"] is False
            return pages
        arguments = {**arguments, "cursor": cursor}
    pytest.fail("the walk does not end")


def said(pages: list[JSON]) -> list[tuple[str, str]]:
    return [(message["role"], message["text"]) for page in pages for message in page["messages"]]


async def store_the_same(store: Store) -> None:
    messages = [{"role": role, "content": text} for role, text in SAID]
    await store.import_thread(
        ImportedThread(
            key="thread",
            id=THREAD,
            created_at=1,
            # Ten messages a second: times alone cannot order them.
            messages=[
                ImportedMessage(role=role, content=text, created_at=number // 10)
                for number, (role, text) in enumerate(SAID)
            ],
        )
    )
    await store.import_conversation(
        ImportedConversation(
            key="conversation", id=CONVERSATION, created_at=1, items=[*map(ImportedItem, messages)]
        )
    )
    await store.import_completion(
        ImportedCompletion(
            key="completion",
            id=COMPLETION,
            created_at=1,
            model="m",
            messages=messages[:-1],
            choices=[{"index": 0, "finish_reason": "stop", "message": messages[-1]}],
        )
    )


async def test_a_thread_a_conversation_and_a_completion_read_the_same(
    store: Store, client: Client
) -> None:
    await store_the_same(store)
    for order, limit in product(("asc", "desc"), (1, 7, 43, 500)):
        how: JSON = {"order": order, "limit": limit}
        expected = SAID if order == "asc" else SAID[::-1]
        for tool_name, arguments in WAYS:
            found = said(await walk(client, tool_name, {**arguments, **how}))
            assert found == expected, (tool_name, arguments, how)


async def test_pages_cut_by_their_size_read_the_same(store: Store, client: Client) -> None:
    await store_the_same(store)
    bounds = Bounds(result_chars=2000)
    for tool_name, arguments in [
        ("list-messages", {"thread_id": THREAD, "order": "asc"}),
        ("list-messages", {"thread_id": CONVERSATION, "order": "asc"}),
        ("get-chat-messages", {"completion_id": COMPLETION}),
    ]:
        pages = await walk(client, tool_name, arguments, bounds)
        assert len(pages) > 5
        assert said(pages) == SAID


def _with_others(count: int) -> list[JSON]:
    """Return a conversation in which `count` items of other kinds stand around each message."""
    items: list[JSON] = []
    for role, text in SAID:
        items += [{"type": "reasoning", "summary": []}] * (count // 2)
        items.append({"role": role, "content": text})
        items += [{"type": "not invented yet", "deep": {"er": text}}] * (count - count // 2)
    return items


@pytest.mark.parametrize("around", [1, 3, 30])
async def test_what_is_no_message_is_passed_over_at_no_cost_and_counted(
    store: Store, client: Client, around: int
) -> None:
    await store.import_conversation(
        ImportedConversation(
            key="k", id=CONVERSATION, created_at=1, items=[*map(ImportedItem, _with_others(around))]
        )
    )
    for order, limit in product(("asc", "desc"), (1, 5, 43, 500)):
        how = (order, limit)
        arguments = {"thread_id": CONVERSATION, "order": order, "limit": limit}
        pages = await walk(client, "list-messages", arguments)
        full = [min(limit, len(SAID) - start) for start in range(0, len(SAID), limit)]
        assert said(pages) == (SAID if order == "asc" else SAID[::-1]), how
        returned = [page["page"]["returned"] for page in pages]
        # The last page may hold nothing: it looked at what stands behind the last message.
        assert returned in (full, [*full, 0]), how
        passed = sum(page["page"].get("passed", 0) for page in pages)
        assert passed == around * len(SAID), how


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_what_is_passed_over_is_counted_once_where_size_cuts_the_pages(
    store: Store, client: Client, order: str
) -> None:
    items = [
        {"role": "user", "content": "y" * (number * 400)} if number % 2 else {"type": "reasoning"}
        for number in range(12)
    ]
    await store.import_conversation(
        ImportedConversation(
            key="k", id=CONVERSATION, created_at=1, items=[*map(ImportedItem, items)]
        )
    )
    arguments = {"thread_id": CONVERSATION, "order": order}
    pages = await walk(client, "list-messages", arguments, Bounds(result_chars=2000))
    assert len("".join(text for _, text in said(pages))) == sum(range(1, 12, 2)) * 400
    assert "clipped" in str(pages)
    assert sum(page["page"].get("passed", 0) for page in pages) == 6


async def test_a_conversation_of_tool_calls_alone_has_no_messages_and_says_so(
    store: Store, client: Client
) -> None:
    items = [{"type": "function_call", "call_id": str(number)} for number in range(150)]
    await store.import_conversation(
        ImportedConversation(
            key="k", id=CONVERSATION, created_at=1, items=[*map(ImportedItem, items)]
        )
    )
    assert await call(client, "list-messages", {"thread_id": CONVERSATION}) == {
        "page": {
            "returned": 0,
            "has_more": False,
            "next_cursor": None,
            "stopped_by": "end",
            "order": "desc",
            "passed": 150,
        },
        "messages": [],
    }


async def test_after_and_before_mean_the_same_of_a_conversation(
    store: Store, client: Client
) -> None:
    await store_the_same(store)
    for thread_id in (THREAD, CONVERSATION):
        whole = await call(
            client, "list-messages", {"thread_id": thread_id, "order": "asc", "limit": 500}
        )
        ids = [message["id"] for message in whole["messages"]]
        after = {"thread_id": thread_id, "order": "asc", "after": ids[20], "limit": 3}
        assert said([await call(client, "list-messages", after)]) == SAID[21:24]
        before = {"thread_id": thread_id, "order": "asc", "before": ids[20], "limit": 3}
        assert said([await call(client, "list-messages", before)]) == SAID[17:20]


@pytest.mark.parametrize(("tool_name", "where"), WAYS)
async def test_what_was_said_around_a_message_is_read_in_three_requests_and_left_both_ways(
    store: Store, client: Client, tool_name: str, where: JSON
) -> None:
    await store_the_same(store)
    [whole] = await walk(client, tool_name, {**where, "order": "asc", "limit": 43})
    for place in (0, 1, 20, 41, 42):
        named = whole["messages"][place]["id"]

        three = Bounds(requests=3)
        page = await call(client, tool_name, {**where, "around": named, "limit": 8}, three)
        first, last = max(place - 4, 0), min(place + 4, len(SAID))
        assert said([page]) == SAID[first:last], place

        newer, older = page["page"]["next_cursor"], page["page"].get("previous_cursor")
        after = await walk(client, tool_name, {**where, "cursor": newer}) if newer else []
        before = await walk(client, tool_name, {**where, "cursor": older}) if older else []
        assert said([*before[::-1], page, *after]) == SAID, place


async def test_what_stands_between_messages_does_not_hide_those_around_one(
    store: Store, client: Client
) -> None:
    items = [{**item, "id": f"item_{number}"} for number, item in enumerate(_with_others(count=10))]
    await store.import_conversation(
        ImportedConversation(
            key="k", id=CONVERSATION, created_at=1, items=[*map(ImportedItem, items)]
        )
    )
    for place in (0, 20, 42):
        where = {"thread_id": CONVERSATION, "around": f"item_{place * 11 + 5}", "limit": 9}
        page = await call(client, "list-messages", where, Bounds(requests=3))
        assert said([page]) == SAID[max(place - 4, 0) : place + 5], place


@pytest.mark.parametrize(("tool_name", "where"), WAYS)
async def test_nothing_is_read_around_a_message_that_is_not_there(
    store: Store, client: Client, tool_name: str, where: JSON
) -> None:
    await store_the_same(store)
    for unknown in ("msg_none", f"{COMPLETION}-99", f"{COMPLETION}-choice-7"):
        with pytest.raises(ToolError) as caught:
            await call(client, tool_name, {**where, "around": unknown}, Bounds(requests=3))
        assert (caught.value.code, caught.value.message) == (
            "not_found",
            f"Message {unknown} was not found in {next(iter(where.values()))}.",
        )


async def test_nothing_is_read_around_a_deleted_message_or_one_of_another_run(
    store: Store, client: Client
) -> None:
    await store_the_same(store)
    whole = await call(client, "list-messages", {"thread_id": THREAD, "order": "asc"})
    named = whole["messages"][5]["id"]
    url = f"{EMBEDDED.base_url}/threads/{THREAD}/messages/{named}"
    arguments = {"thread_id": THREAD, "around": named}
    with pytest.raises(ToolError) as other_run:
        await call(client, "list-messages", {**arguments, "run_id": "run_1"})
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app)) as http:
        await http.delete(url, headers={"OpenAI-Beta": "assistants=v2"})
    with pytest.raises(ToolError) as deleted:
        await call(client, "list-messages", arguments)

    assert other_run.value.code == deleted.value.code == "not_found"
    assert other_run.value.next_step == (
        "If it was deleted or, with run_id, belongs to another run, pass the id of another message "
        "as around, or leave around out."
    )
    assert deleted.value.next_step == (
        "If it was deleted, pass the id of another message as around, or leave around out."
    )


async def test_a_page_after_which_the_rest_was_deleted_blames_nobody(
    store: Store, client: Client
) -> None:
    await store_the_same(store)
    where: JSON = {"thread_id": THREAD, "order": "asc"}
    page = await call(client, "list-messages", {**where, "limit": 42})
    [last] = (await call(client, "list-messages", {"thread_id": THREAD, "limit": 1}))["messages"]
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(store.app)) as http:
        url = f"{EMBEDDED.base_url}/threads/{THREAD}/messages/{last['id']}"
        await http.delete(url, headers={"OpenAI-Beta": "assistants=v2"})
    end = await call(client, "list-messages", {**where, "cursor": page["page"]["next_cursor"]})
    assert end["page"] == {
        "returned": 0,
        "has_more": False,
        "next_cursor": None,
        "stopped_by": "end",
        "order": "asc",
        "warning": "the upstream said that more items follow, but then sent none",
    }


async def test_an_item_that_is_no_message_has_none_around_it(store: Store, client: Client) -> None:
    items = [{"type": "reasoning", "id": "rs_1", "summary": []}]
    await store.import_conversation(
        ImportedConversation(
            key="k", id=CONVERSATION, created_at=1, items=[*map(ImportedItem, items)]
        )
    )
    with pytest.raises(ToolError) as caught:
        await call(client, "list-messages", {"thread_id": CONVERSATION, "around": "rs_1"})
    assert (caught.value.code, caught.value.message, caught.value.next_step) == (
        "not_found",
        "Item rs_1 of the conversation is not a message.",
        "Pass the id of a message as around.",
    )


@pytest.mark.parametrize(("role", "kind"), [("user", "input_text"), ("assistant", "output_text")])
async def test_a_message_is_written_to_a_conversation_once_and_read_back(
    store: Store, client: Client, role: str, kind: str
) -> None:
    await store_the_same(store)
    arguments = {
        "thread_id": CONVERSATION,
        "role": role,
        "content": WORDS[1],
        "idempotency_key": "key-1",
    }
    created = [await call(client, "create-message", arguments) for _ in range(2)]
    assert created[0] == created[1]
    assert created[0]["thread_id"] == CONVERSATION
    where = {"thread_id": CONVERSATION, "message_id": created[0]["message"]["id"]}
    read = await call(client, "get-message", where)
    assert read["message"] == {**created[0]["message"], "text": WORDS[1]}
    at = read["message"]["created_at"]
    pages = await walk(client, "list-messages", {"thread_id": CONVERSATION, "order": "asc"})
    assert said(pages) == [*SAID, (role, WORDS[1])]
    exported = [each async for each in store.export_conversations()]
    last = exported[0].items[-1]
    [part] = last.item["content"]
    assert (last.created_at, part["type"], part["text"]) == (at, kind, WORDS[1])


async def test_where_there_are_conversations_alone_a_message_starts_one(
    conversations_only: Client,
) -> None:
    client = conversations_only
    created = await call(client, "create-message", {"role": "user", "content": "first"})
    conversation_id = created["thread_id"]
    assert conversation_id.startswith("conv_")
    second = {"thread_id": conversation_id, "role": "assistant", "content": "second"}
    await call(client, "create-message", second)
    [page] = await walk(client, "list-messages", {"thread_id": conversation_id, "order": "asc"})
    assert said([page]) == [("user", "first"), ("assistant", "second")]
    assert created["message"]["id"] == page["messages"][0]["id"]
    with pytest.raises(ToolError) as caught:
        await call(client, "list-messages", {"thread_id": THREAD})
    assert caught.value.code == "upstream_retired"


async def test_the_files_of_a_conversation_s_message_are_derived(
    store: Store, client: Client
) -> None:
    await store_the_same(store)
    arguments: JSON = {
        "thread_id": CONVERSATION,
        "role": "user",
        "parts": [
            {"type": "text", "text": "look"},
            {"type": "image_file", "image_file": {"file_id": "file-picture"}},
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        ],
        "attachments": [{"file_id": "file-attached", "tools": [{"type": "file_search"}]}],
    }
    created = await call(client, "create-message", arguments)
    where = {"thread_id": CONVERSATION, "message_id": created["message"]["id"]}
    known = {"created_at": created["message"]["created_at"], "message_id": where["message_id"]}
    listed = await call(client, "list-message-files", {**where, "order": "asc"})
    assert listed == {
        "page": {
            "returned": 2,
            "has_more": False,
            "next_cursor": None,
            "stopped_by": "end",
            "order": "asc",
            "derived": True,
        },
        "files": [
            {"id": "file-picture", **known},
            {"id": "file-attached", **known},
        ],
    }


async def test_files_that_annotations_name_are_found_and_paged(
    store: Store, client: Client
) -> None:
    annotations = [
        {"type": "file_citation", "file_id": "file-1", "filename": "a", "index": 0},
        {"type": "container_file_citation", "file_id": "file-2", "container_id": "c"},
        {"type": "url_citation", "url": "https://example.org", "title": "a"},
        {"type": "file_path", "file_id": "file-3", "index": 0},
    ]
    message = {
        "id": "msg_1",
        "role": "assistant",
        "content": [
            {"type": "output_text", "text": "as the file says", "annotations": annotations},
            {"type": "input_file", "file_id": "file-4"},
            {"type": "input_image", "file_id": "file-1"},
        ],
    }
    await store.import_conversation(
        ImportedConversation(key="k", id=CONVERSATION, created_at=1, items=[ImportedItem(message)])
    )
    arguments = {"thread_id": CONVERSATION, "message_id": "msg_1", "limit": 1}
    pages = await walk(client, "list-message-files", arguments)
    found = [file["id"] for page in pages for file in page["files"]]
    assert found == ["file-4", "file-3", "file-2", "file-1"]
    assert all(page["page"]["derived"] for page in pages)


async def test_an_item_that_is_no_message_is_not_found_as_one(store: Store, client: Client) -> None:
    items = [{"type": "reasoning", "id": "rs_1", "summary": []}]
    await store.import_conversation(
        ImportedConversation(
            key="k", id=CONVERSATION, created_at=1, items=[*map(ImportedItem, items)]
        )
    )
    for message_id in ("rs_1", "msg_none"):
        with pytest.raises(ToolError) as caught:
            await call(client, "get-message", {"thread_id": CONVERSATION, "message_id": message_id})
        assert caught.value.code == "not_found"
