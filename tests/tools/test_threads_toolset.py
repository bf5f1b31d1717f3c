"""The tools of the toolset `threads`, on the embedded store."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from backscroll.mcp.toolsets import offered
from backscroll.settings.model import Settings
from backscroll_tools.client.profiles import STORE
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Result
from backscroll_tools.tools.get_thread import GET_THREAD
from backscroll_tools.toolset import MESSAGES, THREADS_TOOLSET
from tests.tools.opened import Opened, opened

ITEM: JSON = {"type": "message", "role": "user", "content": "a"}
CALL: JSON = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}


@pytest.fixture
async def store() -> AsyncIterator[Opened]:
    async with opened() as opening:
        yield opening


async def _thread(store: Opened, **body: object) -> str:
    return str((await store.post("/threads", **body))["id"])


async def _conversation(store: Opened, *items: JSON) -> str:
    return str((await store.post("/conversations", items=list(items)))["id"])


async def test_a_thread_is_read_without_its_messages(store: Opened) -> None:
    made = await store.post("/threads", metadata={"title": "Refunds", "topic": "money"})
    read = await store.result("get-thread", thread_id=made["id"])
    thread = {
        "id": made["id"],
        "title": "Refunds",
        "created_at": made["created_at"],
        "metadata": {"topic": "money"},
    }
    assert read.structured == {"thread": thread}
    assert made["id"] in read.text
    assert '"title":"Refunds"' in read.text


async def test_a_conversation_is_read_by_the_same_tool(store: Opened) -> None:
    conversation = await _conversation(store, ITEM)
    read = await store.result("get-thread", thread_id=conversation)
    assert read.structured["thread"]["id"] == conversation


async def test_fields_that_are_too_long_are_named_in_their_place(store: Opened) -> None:
    pairs = {f"key{number}": "x" * 512 for number in range(16)}
    thread = await _thread(store, metadata=pairs)
    read = await store.call("get-thread", Bounds(result_chars=2_000), thread_id=thread)
    assert isinstance(read, Result)
    assert read.structured["thread"]["omitted"].startswith("metadata (8,")
    assert "metadata" not in read.structured["thread"]


@pytest.mark.parametrize("kind", ["thread", "conversation"])
async def test_metadata_is_replaced_whole_and_repeating_that_changes_nothing(
    store: Opened, kind: str
) -> None:
    thread = await (_thread(store) if kind == "thread" else _conversation(store))
    await store.result("modify-thread", thread_id=thread, metadata={"title": "a", "b": "c"})
    pairs = [{"key": "title", "value": "new"}]
    first = await store.result("modify-thread", thread_id=thread, metadata=pairs)
    again = await store.result("modify-thread", thread_id=thread, metadata=pairs)
    assert first.structured == again.structured
    assert first.structured["thread"]["title"] == "new"
    assert "metadata" not in first.structured["thread"]


async def test_only_the_message_that_is_named_is_changed_and_then_deleted(store: Opened) -> None:
    thread = await _thread(store)
    messages = [
        (await store.post(f"/threads/{thread}/messages", role="user", content=text))["id"]
        for text in "abc"
    ]
    where = {"thread_id": thread, "message_id": messages[1]}
    changed = await store.result("modify-message", **where, metadata={"tag": "x"})
    assert changed.structured == {
        "message": {"id": messages[1], "role": "user", "metadata": {"tag": "x"}}
    }
    listed = await store.get(f"/threads/{thread}/messages")
    assert [each["metadata"] for each in listed["data"]] == [{}, {"tag": "x"}, {}]

    deleted = await store.result("delete-message", **where)

    assert deleted.structured == {**where, "deleted": True}
    left = await store.get(f"/threads/{thread}/messages")
    assert [each["id"] for each in left["data"]] == [messages[2], messages[0]]


async def test_an_item_that_is_no_message_can_be_deleted_too(store: Opened) -> None:
    conversation = await _conversation(store, ITEM, CALL)
    listed = await store.get(f"/conversations/{conversation}/items")
    call, message = (each["id"] for each in listed["data"])
    await store.result("delete-message", thread_id=conversation, message_id=call)
    left = await store.get(f"/conversations/{conversation}/items")
    assert [each["id"] for each in left["data"]] == [message]


async def test_a_deleted_thread_is_gone_with_its_messages_and_no_other(store: Opened) -> None:
    thread, other = await _thread(store, messages=[{"role": "user", "content": "a"}]), ""
    other = await _thread(store, messages=[{"role": "user", "content": "b"}])
    await store.result("delete-thread", thread_id=thread)
    assert (await store.error("get-thread", thread_id=thread)).code == "not_found"
    assert len((await store.get(f"/threads/{other}/messages"))["data"]) == 1


@pytest.mark.parametrize(
    ("tool", "arguments", "said", "next_tool"),
    [
        ("get-thread", {"thread_id": "chatcmpl-1"}, "a chat completion", "get-chat-completion"),
        ("get-thread", {"thread_id": "msg_1"}, "a message", "get-message"),
        ("delete-thread", {"thread_id": "resp_1"}, "a response", "delete-response"),
        ("delete-thread", {"thread_id": "msg_1"}, "a message", "delete-message"),
        ("delete-message", {"thread_id": "thread_1", "message_id": "conv_1"}, "a conv", "delete-"),
        ("delete-message", {"thread_id": "run_1", "message_id": "msg_1"}, "a run", "get-run"),
        (
            "modify-message",
            {"thread_id": "conv_1", "message_id": "msg_1", "metadata": {"a": "b"}},
            "no metadata",
            "Change the metadata of the conversation itself with modify-thread.",
        ),
        ("modify-thread", {"thread_id": "msg_1", "metadata": {}}, "a message", "modify-message"),
    ],
)
async def test_an_id_of_the_wrong_kind_names_the_tool_that_takes_it(
    store: Opened, tool: str, arguments: JSON, said: str, next_tool: str
) -> None:
    error = await store.error(tool, **arguments)
    assert error.code == "invalid_arguments"
    assert said in error.message
    assert f"Next: {next_tool}" in error.render()


@pytest.mark.parametrize("tool", ["delete-thread", "delete-message", "delete-chat-completion"])
@pytest.mark.parametrize(
    "given", [{}, {"id": ""}, {"id": None}, {"id": ["a", "b"]}, {"id": "../a"}, {"cursor": "1x"}]
)
async def test_a_deletion_without_one_exact_id_is_refused(
    store: Opened, tool: str, given: JSON
) -> None:
    required: Any = next(each for each in TOOLS if each.name == tool).input_schema["required"]
    *others, last = required
    arguments = {**dict.fromkeys(others, "thread_1"), last: "x_1"}
    if "cursor" in given:
        arguments["cursor"] = given["cursor"]
    elif given:
        arguments[last] = given["id"]
    else:
        del arguments[last]
    error = await store.error(tool, **arguments)
    assert error.code == "invalid_arguments"


def test_every_tool_that_changes_something_says_so() -> None:
    hints = {tool.name: tool.hints for tool in TOOLS if tool.toolset == THREADS_TOOLSET}
    for name in ("delete-thread", "delete-message", "modify-thread", "modify-message"):
        assert (hints[name].destructive, hints[name].idempotent) == (True, True)
    assert hints["get-thread"].read_only


@pytest.mark.parametrize("toolsets", [("messages", "threads"), ("all",)])
def test_a_toolset_is_offered_beside_others_and_a_read_only_server_keeps_what_reads(
    toolsets: tuple[str, ...],
) -> None:
    chosen = offered(TOOLS, Settings(toolsets=toolsets), STORE)
    reading = offered(TOOLS, Settings(toolsets=toolsets, read_only=True), STORE)
    assert {tool for tool in TOOLS if tool.toolset in {MESSAGES, THREADS_TOOLSET}} <= {*chosen}
    assert GET_THREAD in reading
    assert not any(tool.writes for tool in reading)
