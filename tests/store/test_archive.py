"""Conversations in and out, whole."""

import math
from pathlib import Path

import httpx2
import pytest
from msgspec import structs

from backscroll.database.faults import StoreError
from backscroll.store.app import Store, open_store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
)
from tests.store.conftest import Sql
from tests.store.wire import Json, add, add_items, error, new_thread, page, texts

THREAD = ImportedThread(
    key="source:1",
    id="thread_1",
    created_at=10,
    metadata={"topic": "tea"},
    tool_resources={"code_interpreter": {"file_ids": ["file-1"]}},
    messages=[
        ImportedMessage(
            role="moderator",
            content=[
                {
                    "type": "text",
                    "text": {"value": "hi", "annotations": [{"type": "file_path"}]},
                },
                {"type": "refusal", "refusal": "no"},
            ],
            created_at=30,
            id="msg_1",
            metadata={"a": "1"},
            attachments=[{"file_id": "file-2", "tools": []}],
            run_id="run_1",
            assistant_id="asst_1",
            status="incomplete",
            incomplete_at=31,
            incomplete_details={"reason": "max_tokens"},
        )
    ],
)
CONVERSATION = ImportedConversation(
    key="source:3",
    id="conv_1",
    created_at=10,
    metadata={"topic": "tea"},
    items=[
        ImportedItem(
            {
                "id": "msg_1",
                "type": "message",
                "status": "incomplete",
                "role": "critic",
                "content": [{"type": "output_text", "text": "a", "annotations": []}],
            },
            created_at=11,
            key="one",
        ),
        ImportedItem({"id": "rs_1", "type": "reasoning", "summary": []}),
        ImportedItem(
            {"id": "new_1", "type": "not invented yet", "deep": {"er": [None, 1.5, "\U0001f642"]}},
            key="two",
        ),
    ],
)
COMPLETION = ImportedCompletion(
    key="source:2",
    id="chatcmpl-1",
    created_at=10,
    model="m",
    metadata={"a": "1"},
    choices=[
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "b"}}
    ],
    messages=[{"role": "user", "content": "a", "name": "bob"}],
    fields={"usage": {"total_tokens": 1}, "seed": None},
)


async def test_a_thread_goes_in_as_it_is_and_comes_out_the_same(
    store: Store, api: httpx2.AsyncClient
) -> None:
    assert (await store.import_thread(THREAD)).kind == "imported"
    [listed] = (await page(api, "/threads"))["data"]
    assert (listed["id"], listed["created_at"]) == ("thread_1", 10)
    assert (listed["message_count"], listed["last_message_at"]) == (1, 30)
    [message] = (await page(api, "/threads/thread_1/messages"))["data"]
    assert (message["role"], message["created_at"], message["status"]) == (
        "moderator",
        30,
        "incomplete",
    )
    assert (message["completed_at"], message["incomplete_at"]) == (None, 31)
    assert message["content"] == THREAD.messages[0].content
    assert [each async for each in store.export_threads()] == [THREAD]


async def test_a_completion_goes_in_as_it_is_and_comes_out_the_same(
    store: Store, api: httpx2.AsyncClient
) -> None:
    assert (await store.import_completion(COMPLETION)).kind == "imported"
    assert await page(api, "/chat/completions/chatcmpl-1") == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 10,
        "model": "m",
        "choices": COMPLETION.choices,
        "usage": {"total_tokens": 1},
        "seed": None,
        "metadata": {"a": "1"},
    }
    listed = await page(api, "/chat/completions/chatcmpl-1/messages")
    assert listed["data"] == [
        {
            "refusal": None,
            "role": "user",
            "content": "a",
            "name": "bob",
            "id": "chatcmpl-1-0",
            "content_parts": None,
        },
        {
            "refusal": None,
            "role": "assistant",
            "content": "b",
            "id": "chatcmpl-1-1",
            "content_parts": None,
        },
    ]
    assert [each async for each in store.export_completions()] == [COMPLETION]


async def test_a_conversation_goes_in_as_it_is_and_comes_out_the_same(
    store: Store, api: httpx2.AsyncClient
) -> None:
    assert (await store.import_conversation(CONVERSATION)).kind == "imported"
    assert await page(api, "/conversations/conv_1") == {
        "id": "conv_1",
        "object": "conversation",
        "created_at": 10,
        "metadata": {"topic": "tea"},
    }
    listed = await page(api, "/conversations/conv_1/items", order="asc")
    first, *others = [each.item for each in CONVERSATION.items]
    assert listed["data"] == [first | {"created_at": 11}, *others]
    assert [each async for each in store.export_conversations()] == [CONVERSATION]


async def test_imported_items_are_taken_as_the_api_takes_them_in_any_number(
    store: Store, api: httpx2.AsyncClient
) -> None:
    items = [{"role": "user", "content": str(number)} for number in range(250)]
    await store.import_conversation(
        structs.replace(CONVERSATION, items=[*map(ImportedItem, [*items, {"type": "reasoning"}])])
    )
    listed = await page(api, "/conversations/conv_1/items", limit=2)
    assert listed["data"] == [
        {"id": listed["first_id"], "type": "reasoning"},
        {
            "id": listed["last_id"],
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "249"}],
        },
    ]
    [made] = await add_items(api, "conv_1", {"type": "last"})
    [exported] = [each async for each in store.export_conversations()]
    at = made.pop("created_at")
    assert (len(exported.items), exported.items[-1]) == (252, ImportedItem(made, created_at=at))


async def test_plain_text_may_be_empty_and_ids_are_minted(
    store: Store, api: httpx2.AsyncClient
) -> None:
    messages = [
        ImportedMessage(role="user", content=text, created_at=created_at)
        for text, created_at in [("", 3), ("b", 1), ("c", 2)]
    ]
    await store.import_thread(ImportedThread(key="k", created_at=1, messages=messages))
    [thread] = (await page(api, "/threads"))["data"]
    listed = await page(api, f"/threads/{thread['id']}/messages", order="asc")
    assert texts(listed) == ["", "b", "c"]
    assert [message["created_at"] for message in listed["data"]] == [3, 1, 2]
    assert all(message["id"].startswith("msg_") for message in listed["data"])
    await add(api, thread["id"], "d")
    assert texts(await page(api, f"/threads/{thread['id']}/messages", limit=1)) == ["d"]


async def test_a_key_or_an_id_that_is_there_is_imported_once(store: Store) -> None:
    for _ in range(2):
        await store.import_thread(THREAD)
        await store.import_completion(COMPLETION)
        await store.import_conversation(CONVERSATION)
    for change in ({"key": "other"}, {"id": None}):
        again: Json = dict(change)
        assert (
            await store.import_conversation(structs.replace(CONVERSATION, **again))
        ).kind == "present"
    assert (await store.import_thread(structs.replace(THREAD, key="other"))).kind == "present"
    assert (await store.import_thread(structs.replace(THREAD, id=None))).kind == "present"
    assert (
        await store.import_completion(structs.replace(COMPLETION, key="other"))
    ).kind == "present"
    assert (await store.import_completion(structs.replace(COMPLETION, id=None))).kind == "present"
    assert len([each async for each in store.export_threads()]) == 1
    assert len([each async for each in store.export_completions()]) == 1
    assert len([each async for each in store.export_conversations()]) == 1


async def test_what_was_deleted_does_not_come_back_by_import(
    store: Store, api: httpx2.AsyncClient
) -> None:
    await store.import_thread(THREAD)
    await api.delete("/threads/thread_1")
    assert (await store.import_thread(THREAD)).kind == "forgotten"
    assert [each async for each in store.export_threads()] == []


async def test_an_export_imports_into_another_store_as_the_same(
    store: Store, api: httpx2.AsyncClient, tmp_path: Path
) -> None:
    await store.import_thread(THREAD)
    thread_id = await new_thread(api, tuple(map(str, range(100))))
    await add(api, thread_id, "100")
    exported = [each async for each in store.export_threads()]
    async with open_store(f"sqlite:///{tmp_path}/copy.db") as copy:
        outcomes = [await copy.import_thread(each) for each in exported]
        assert [(each.kind, each.added) for each in outcomes] == [
            ("imported", 1),
            ("imported", 101),
        ]
        assert [each async for each in copy.export_threads()] == exported
    assert [len(each.messages) for each in exported] == [1, 101]


async def test_more_metadata_filters_than_there_can_be_pairs_are_refused(
    api: httpx2.AsyncClient,
) -> None:
    params = {f"metadata[{number}]": "" for number in range(17)}
    envelope = error(await api.get("/chat/completions", params=params), 400)
    assert (envelope["param"], envelope["code"]) == ("metadata", "object_above_max_properties")


async def test_a_completion_s_metadata_must_be_given_to_be_changed(
    store: Store, api: httpx2.AsyncClient
) -> None:
    await store.import_completion(COMPLETION)
    url = "/chat/completions/chatcmpl-1"
    assert error(await api.post(url, json={}), 400)["code"] == "missing_required_parameter"
    assert (await api.post(url, json={"metadata": None})).json()["metadata"] == {}
    assert (await page(api, "/chat/completions?metadata[a]=1"))["data"] == []


async def test_a_choice_without_a_message_is_kept_and_not_listed(
    store: Store, api: httpx2.AsyncClient
) -> None:
    bare = structs.replace(COMPLETION, choices=[{"index": 0, "message": None}])
    await store.import_completion(bare)
    listed = await page(api, "/chat/completions/chatcmpl-1/messages")
    assert [message["role"] for message in listed["data"]] == ["user"]
    assert [each async for each in store.export_completions()] == [bare]


_MESSAGE = ImportedMessage(role="user", content="a", created_at=1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "conv_1"}, "does not begin with 'thread'"),
        ({"id": "thread/1"}, "is not an id"),
        ({"metadata": {"a": 1}}, "expected a string"),
        ({"messages": [structs.replace(_MESSAGE, id="a b")]}, "is not an id"),
        ({"messages": [structs.replace(_MESSAGE, id="msg_1")] * 2}, "have the same id"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_leaves_nothing(
    store: Store, sql: Sql, change: Json, reason: str
) -> None:
    bad = structs.replace(THREAD, **change)
    with pytest.raises(StoreError, match=reason):
        await store.import_thread(bad)
    counted = "SELECT (SELECT count(*) FROM threads), count(*) FROM messages"
    assert await sql(counted) == [(0, 0)]
    assert (await store.import_thread(THREAD)).kind == "imported"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": "thread_1"}, "does not begin with 'conv'"),
        ({"metadata": {"a": 1}}, "expected a string"),
        ({"items": [ImportedItem({"type": "x", "id": "a b"})]}, "is not an id"),
        ({"items": [ImportedItem({"type": "x", "id": 5})]}, "is not an id"),
        (
            {"items": [ImportedItem({"type": "x", "id": "a"})] * 2},
            "two of its items have the same id",
        ),
        (
            {"items": [ImportedItem({"type": "x"}), ImportedItem({"role": "user"})]},
            r"parameter: 'items\[1\]\.content'",
        ),
        ({"items": [ImportedItem({"type": "x", "y": math.inf})]}, "not finite"),
    ],
)
async def test_a_conversation_that_cannot_be_kept_is_refused_and_leaves_nothing(
    store: Store, change: Json, reason: str
) -> None:
    with pytest.raises(StoreError, match=reason):
        await store.import_conversation(structs.replace(CONVERSATION, **change))
    assert [each async for each in store.export_conversations()] == []
    assert (await store.import_conversation(CONVERSATION)).kind == "imported"


async def test_a_completion_s_message_cursor_must_be_one_of_its_own(
    store: Store, api: httpx2.AsyncClient
) -> None:
    await store.import_completion(COMPLETION)
    url = "/chat/completions/chatcmpl-1/messages"
    last = await page(api, url, after="chatcmpl-1-1")
    assert (last["data"], last["has_more"]) == ([], False)
    for cursor in ("chatcmpl-1-2", "chatcmpl-2-0", "chatcmpl-1-00", "chatcmpl-1--1", "x", "-0"):
        reply = await api.get(url, params={"after": cursor})
        assert reply.json()["error"]["message"] == f"No message found with id '{cursor}'."
    missing = await api.get("/chat/completions/chatcmpl-9/messages")
    message = missing.json()["error"]["message"]
    assert (missing.status_code, message) == (
        404,
        "No chat completion found with id 'chatcmpl-9'.",
    )


async def test_messages_of_one_id_in_two_threads_are_two_messages(
    store: Store, api: httpx2.AsyncClient
) -> None:
    other = structs.replace(THREAD, key="source:9", id="thread_2")
    for thread in (THREAD, other):
        await store.import_thread(thread)
    untouched = await page(api, "/threads/thread_2/messages/msg_1")
    await api.post("/threads/thread_1/messages/msg_1", json={"metadata": {"b": "2"}})
    assert await page(api, "/threads/thread_2/messages/msg_1") == untouched
    await api.delete("/threads/thread_1/messages/msg_1")
    assert await page(api, "/threads/thread_2/messages/msg_1") == untouched
    assert (await page(api, "/threads/thread_1/messages"))["data"] == []
