"""A thread is copied to a conversation and back, each message once, in order, and compared."""

from collections.abc import AsyncIterator, Iterable

import httpx2
import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import checksum
from backscroll_tools.tool import Bounds, Result
from tests.tools.keyless import BASE, DONE, GONE, LOST, UNDERWAY_S, V2, Writer, writing
from tests.tools.opened import Opened, opened

LONG = 47
IMAGE: JSON = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FILE: JSON = {"file_id": "file-1", "tools": [{"type": "file_search"}]}


@pytest.fixture
async def store() -> AsyncIterator[Opened]:
    async with opened() as opening:
        yield opening


async def _thread(store: Opened, count: int) -> str:
    messages = [
        {"role": "assistant" if number % 2 else "user", "content": f"text {number // 3}"}
        for number in range(count)
    ]
    made = await store.post("/threads", messages=messages, metadata={"title": "Trip"})
    return str(made["id"])


async def _texts(store: Opened, thread: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    cursor: JSON = {}
    while True:
        page = (
            await store.result("list-messages", thread_id=thread, order="asc", limit=100, **cursor)
        ).structured
        found += [(each["role"], each["text"]) for each in page["messages"]]
        if not page["page"]["has_more"]:
            return found
        cursor = {"cursor": page["page"]["next_cursor"]}


async def _whole(
    store: Opened, thread: str, bounds: Bounds | None = None
) -> tuple[str, list[JSON]]:
    """Copy a thread or conversation to the end; return the copy's id, and the results."""
    results: list[JSON] = []
    arguments: JSON = {"thread_id": thread}
    while True:
        outcome = await store.call("copy-thread", bounds, **arguments)
        assert isinstance(outcome, Result), outcome
        results.append(outcome.structured)
        if not outcome.structured["has_more"]:
            return str(outcome.structured["thread_id"]), results
        assert len(results) < 50
        arguments["cursor"] = outcome.structured["next_cursor"]


async def test_a_thread_goes_to_a_conversation_and_back_with_every_message(store: Opened) -> None:
    thread = await _thread(store, LONG)

    conversation, there = await _whole(store, thread)
    back, again = await _whole(store, conversation)

    assert conversation.startswith("conv_")
    assert back.startswith("thread_")
    for results in (there, again):
        assert sum(result["copied"] for result in results) == LONG
        assert sum(result["verified"] for result in results) == LONG
        assert all(result["not_copied"] == {} for result in results)
    original = await _texts(store, thread)
    assert await _texts(store, conversation) == original
    assert await _texts(store, back) == original
    read = await store.result("get-thread", thread_id=back)
    assert read.structured["thread"]["title"] == "Trip"


async def test_images_and_files_are_copied_and_what_has_no_equivalent_is_counted(
    store: Opened,
) -> None:
    thread = str((await store.post("/threads"))["id"])
    path = f"/threads/{thread}/messages"
    parts = [{"type": "text", "text": "see"}, IMAGE]
    await store.post(path, role="user", content=parts, attachments=[FILE], metadata={"a": "b"})
    conversation, (there,) = await _whole(store, thread)
    items = [
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x"}]},
    ]
    await store.post(f"/conversations/{conversation}/items", items=items)
    back, (again,) = await _whole(store, conversation)

    assert (there["copied"], there["verified"]) == (1, 1)
    assert there["not_copied"] == {"message metadata": 1}
    assert (again["copied"], again["verified"]) == (1, 1)
    assert again["not_copied"] == {
        "items of type function_call": 1,
        "messages with the role system": 1,
    }
    (message,) = (await store.get(f"/threads/{back}/messages"))["data"]
    assert message["attachments"] == [FILE]
    assert message["content"][1]["image_url"]["url"] == IMAGE["image_url"]["url"]


async def test_the_detail_of_images_is_copied_and_the_tools_of_files_are_counted_as_lost(
    store: Opened,
) -> None:
    resources = {"file_search": {"vector_store_ids": ["vs_1"]}}
    thread = str((await store.post("/threads", tool_resources=resources))["id"])
    high = {
        "type": "image_url",
        "image_url": {"url": "https://example.com/a.png", "detail": "high"},
    }
    low = {"type": "image_file", "image_file": {"file_id": "file-2", "detail": "low"}}
    code = {"file_id": "file-1", "tools": [{"type": "code_interpreter"}]}
    path = f"/threads/{thread}/messages"
    await store.post(path, role="user", content=[high, low], attachments=[code])
    conversation, (there,) = await _whole(store, thread)
    back, (again,) = await _whole(store, conversation)

    assert there["not_copied"] == {"tools of attachments": 1, "tool resources of the thread": 1}
    assert (there["verified"], again["verified"], again["not_copied"]) == (1, 1, {})
    (item,) = (await store.get(f"/conversations/{conversation}/items"))["data"]
    assert [part["detail"] for part in item["content"][:2]] == ["high", "low"]
    (message,) = (await store.get(f"/threads/{back}/messages"))["data"]
    assert message["content"] == [high, low]


async def test_a_call_ends_within_its_requests_and_the_next_goes_on(store: Opened) -> None:
    thread = await _thread(store, LONG)
    conversation, _ = await _whole(store, thread)
    back, results = await _whole(store, conversation, Bounds(requests=12))
    assert await _texts(store, back) == await _texts(store, thread)
    assert len(results) > 3
    assert {result["stopped_by"] for result in results} == {"requests", "end"}


async def test_a_call_that_is_repeated_with_its_key_copies_nothing_twice(store: Opened) -> None:
    thread = await _thread(store, LONG)
    copies = [
        await store.result("copy-thread", thread_id=thread, idempotency_key="mine")
        for _ in range(2)
    ]
    first, second = (copy.structured["thread_id"] for copy in copies)
    assert first == second
    assert await _texts(store, first) == await _texts(store, thread)


@pytest.mark.parametrize("how", ["key", "cursor"])
async def test_a_copy_whose_source_has_changed_since_is_not_continued(
    store: Opened, how: str
) -> None:
    thread = await _thread(store, LONG)
    arguments: JSON = {"thread_id": thread, "idempotency_key": "mine"}
    first = await store.call("copy-thread", Bounds(requests=8), **arguments)
    assert isinstance(first, Result)
    if how == "cursor":
        arguments = {"thread_id": thread, "cursor": first.structured["next_cursor"]}
        await store.result("copy-thread", **arguments)
    messages = await store.get(f"/threads/{thread}/messages?order=asc&limit=100")
    changed = messages["data"][0 if how == "key" else -1]["id"]
    await store.http.delete(f"/threads/{thread}/messages/{changed}")

    error = await store.call("copy-thread", **arguments)

    assert isinstance(error, ToolError)
    assert error.render() == (
        "invalid_arguments: This copy was begun with other messages and cannot be continued: the "
        "source has changed since, or it is another one.\n"
        "Next: Call copy-thread without idempotency_key and cursor to make another copy. The first "
        "one stays. list-threads shows what exists.\n"
        "Retry: safe without idempotency_key and cursor; this call wrote nothing."
    )


async def test_an_empty_thread_has_an_empty_copy(store: Opened) -> None:
    conversation, (result,) = await _whole(store, await _thread(store, 0))
    assert (result["copied"], result["stopped_by"]) == (0, "end")
    assert await _texts(store, conversation) == []


async def test_a_cursor_belongs_to_its_thread(store: Opened) -> None:
    conversation, _ = await _whole(store, await _thread(store, LONG))
    stopped = await store.call("copy-thread", Bounds(requests=12), thread_id=conversation)
    assert isinstance(stopped, Result)
    other = await _thread(store, 1)
    while checksum("", other)[:4] == checksum("", conversation)[:4]:  # all that a cursor keeps
        other = await _thread(store, 1)
    error = await store.error(
        "copy-thread", thread_id=other, cursor=stopped.structured["next_cursor"]
    )
    assert error.message == "cursor was created for another id."


class ListsLate:
    """The store, except that its first lists of items are empty."""

    def __init__(self, app: ASGIApp, lists: int) -> None:
        self.app = app
        self.left = lists

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_list = scope["method"] == "GET" and scope["path"].endswith("/items")
        if not is_list or not self.left:
            return await self.app(scope, receive, send)
        self.left -= 1
        empty = JSONResponse({"object": "list", "data": [], "has_more": False})
        return await empty(scope, receive, send)


async def test_a_batch_that_is_not_listed_yet_is_not_compared_with_the_next_one() -> None:
    async with writing() as writer:
        source = await _filled(writer, "threads", [str(number) for number in range(30)])
        late = httpx2.ASGITransport(ListsLate(writer.keyless, 2))
        async with httpx2.AsyncClient(transport=late) as http:
            done = await Writer(writer.keyless, http, keeps_metadata=True).call(
                "copy-thread", thread_id=source
            )
    assert isinstance(done, Result), done
    assert (done.structured["copied"], done.structured["verified"]) == (30, 0)
    assert "differing" not in done.structured


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("kind", ["threads", "conversations"])
async def test_an_interrupted_copy_writes_only_what_is_missing(kind: str, restarts: bool) -> None:
    async with writing() as writer:
        source = await _filled(writer, kind)
        writer.keyless.deeds = [LOST, LOST, GONE]
        first = await writer.call("copy-thread", thread_id=source)
        assert not isinstance(first, Result)
        assert first.code == "outcome_unknown"
        cursor = first.next_step.partition('cursor "')[2].partition('"')[0]
        if restarts:
            writer.restart()
        writer.keyless.now += UNDERWAY_S + 2
        done = await writer.call("copy-thread", thread_id=source, cursor=cursor)
        assert isinstance(done, Result), done
        copied = await writer.messages(done.structured["thread_id"])
        assert [text for _, text in copied] == [*"aabcb"]
        assert (done.structured["copied"], done.structured["verified"]) == (5, 5)


@pytest.mark.parametrize("kind", ["threads", "conversations"])
async def test_a_copy_of_several_batches_goes_on_with_the_caller_s_own_key(kind: str) -> None:
    texts = [*"aabcb" * 9]
    async with writing() as writer:
        source = await _filled(writer, kind, texts)
        writer.keyless.deeds = [*[DONE] * 30, GONE]
        given = {"thread_id": source, "idempotency_key": "mine"}
        first = await writer.call("copy-thread", **given)
        assert not isinstance(first, Result)
        writer.keyless.now += UNDERWAY_S + 2
        stopped: JSON = {"has_more": True, "next_cursor": None}
        more: JSON = {}
        while stopped["has_more"]:
            outcome = await writer.call("copy-thread", **given, **more)
            assert isinstance(outcome, Result), outcome
            stopped = outcome.structured
            more = {"cursor": stopped["next_cursor"]}
        copied = await writer.messages(stopped["thread_id"])
        assert [text for _, text in copied] == texts


async def _filled(writer: Writer, kind: str, texts: Iterable[str] = "aabcb") -> str:
    """Return the id of a new thread or conversation with these messages."""
    source = await writer.new(kind)
    path = "messages" if kind == "threads" else "items"
    for text in texts:
        body: JSON = {"role": "user", "content": text}
        if kind == "conversations":
            content = [{"type": "input_text", "text": text}]
            body = {"items": [{"role": "user", "content": content}]}
        reply = await writer.http.post(f"{BASE}/{kind}/{source}/{path}", json=body, headers=V2)
        reply.raise_for_status()
    return source
