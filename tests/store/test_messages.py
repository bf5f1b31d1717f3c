"""Messages on the wire, in both versions of the API, and their files."""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

import json
from pathlib import Path

import httpx2
import pytest

from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.store.conftest import Sql, on_one_engine
from tests.store.wire import Json, add, error, new_thread, page, texts

PART = {"type": "text", "text": {"value": "hi", "annotations": []}}
V1 = {"OpenAI-Beta": "assistants=v1"}


async def test_a_new_message_has_every_field_that_the_document_declares(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api)
    attachments = [{"file_id": "file-1", "tools": [{"type": "code_interpreter"}]}]
    body = {
        "role": "assistant",
        "content": "hi",
        "attachments": attachments,
        "metadata": {"a": "1"},
    }
    message = (await api.post(f"/threads/{thread_id}/messages", json=body)).json()
    assert message == {
        "id": message["id"],
        "object": "thread.message",
        "created_at": message["created_at"],
        "thread_id": thread_id,
        "status": "completed",
        "completed_at": message["created_at"],
        "incomplete_at": None,
        "incomplete_details": None,
        "role": "assistant",
        "content": [{"type": "text", "text": {"value": "hi", "annotations": []}}],
        "assistant_id": None,
        "run_id": None,
        "attachments": attachments,
        "metadata": {"a": "1"},
    }
    assert await page(api, f"/threads/{thread_id}/messages/{message['id']}") == message
    assert (await page(api, f"/threads/{thread_id}/messages"))["data"] == [message]


async def test_an_empty_list_of_annotations_takes_no_space(
    store: Store, api: httpx2.AsyncClient, sql: Sql
) -> None:
    thread = await new_thread(api, ("hi",))
    await store.import_thread(
        ImportedThread(
            key="1",
            created_at=1,
            messages=[ImportedMessage(role="user", content=[PART], created_at=1)],
        )
    )
    stored = await sql("SELECT CAST(content AS TEXT) FROM messages")
    assert [json.loads(content) for (content,) in stored] == [
        [{"type": "text", "text": {"value": "hi"}}]
    ] * 2
    [message] = (await page(api, f"/threads/{thread}/messages"))["data"]
    assert message["content"] == [PART]


@pytest.mark.parametrize("text", ["a", "\x7f\x01\t\r\n", "é\u2028🙂\U0010ffff", "x" * 256_000])
async def test_text_comes_back_as_it_went_in(api: httpx2.AsyncClient, text: str) -> None:
    thread_id = await new_thread(api, (text,))
    assert texts(await page(api, f"/threads/{thread_id}/messages")) == [text]


async def test_a_deleted_message_leaves_its_place_and_not_its_text(
    api: httpx2.AsyncClient, path: Path
) -> None:
    thread_id = await new_thread(api, ("one", "an erased secret", "three"))
    url = f"/threads/{thread_id}/messages"
    message_id = (await page(api, url))["data"][1]["id"]
    deleted = (await api.delete(f"{url}/{message_id}")).json()
    assert deleted == {"id": message_id, "object": "thread.message.deleted", "deleted": True}
    assert texts(await page(api, url)) == ["three", "one"]
    assert texts(await page(api, url, after=message_id)) == ["one"]
    assert texts(await page(api, url, before=message_id)) == ["three"]
    gone = {
        "message": f"No message found with id '{message_id}'.",
        "param": None,
        "code": None,
    }
    assert error(await api.get(f"{url}/{message_id}"), 404) == gone
    assert error(await api.delete(f"{url}/{message_id}"), 404) == gone
    assert error(await api.post(f"{url}/{message_id}", json={}), 404) == gone
    assert b"an erased secret" not in path.read_bytes()


async def test_modifying_a_message_without_metadata_leaves_it_as_it_is(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api)
    body = {"role": "user", "content": "a", "metadata": {"a": "1"}}
    message = (await api.post(f"/threads/{thread_id}/messages", json=body)).json()
    url = f"/threads/{thread_id}/messages/{message['id']}"
    assert (await api.post(url, json={})).json() == message
    cleared = {**message, "metadata": {}}
    assert (await api.post(url, json={"metadata": None})).json() == cleared
    assert await page(api, url) == cleared


async def test_an_unknown_cursor_is_not_found(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api, ("a",))
    other = await add(api, await new_thread(api), "b")
    for cursor in ("msg_unknown", other, "..", "a/b", "é", "x" * 300):
        for name in ("after", "before"):
            reply = await api.get(f"/threads/{thread_id}/messages", params={name: cursor})
            assert error(reply, 404)["message"] == f"No message found with id '{cursor}'."


async def test_after_and_before_together_cut_out_what_lies_between(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api, ("0", "1", "2", "3", "4"))
    url = f"/threads/{thread_id}/messages"
    ids = [message["id"] for message in (await page(api, url, order="asc"))["data"]]
    between = await page(api, url, order="asc", after=ids[0], before=ids[4], limit=2)
    assert (texts(between), between["has_more"]) == (["1", "2"], True)
    assert texts(await page(api, url, order="desc", after=ids[3], before=ids[1])) == ["2"]
    assert texts(await page(api, url, order="desc", after=ids[1], before=ids[3])) == []


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_what_comes_before_a_message_is_next_to_it_and_in_the_order_of_the_list(
    api: httpx2.AsyncClient, order: str
) -> None:
    thread_id = await new_thread(api, ("0", "1", "2", "3", "4", "5"))
    url = f"/threads/{thread_id}/messages"
    whole = await page(api, url, order=order)
    before = whole["data"][4]["id"]
    near = await page(api, url, order=order, before=before, limit=3)
    assert (texts(near), near["has_more"]) == (texts(whole)[1:4], True)
    rest = await page(api, url, order=order, before=near["first_id"], limit=3)
    assert (texts(rest), rest["has_more"]) == (texts(whole)[:1], False)


@on_one_engine
@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"limit": "x"},
            "Invalid type for 'limit': expected an integer, but got a string instead.",
        ),
        (
            {"limit": "0"},
            (
                "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 "
                "instead."
            ),
        ),
        (
            {"limit": "101"},
            (
                "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got "
                "101 instead."
            ),
        ),
        (
            {"order": "up"},
            "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
        ),
    ],
)
async def test_a_page_that_cannot_be_is_refused_in_the_words_of_the_document(
    api: httpx2.AsyncClient, params: dict[str, str], message: str
) -> None:
    reply = await api.get(f"/threads/{await new_thread(api)}/messages", params=params)
    assert error(reply, 400)["message"] == message


@on_one_engine
@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"limit": "0"}, "limit", "integer_below_min_value"),
        ({"limit": "-1"}, "limit", "integer_below_min_value"),
        ({"limit": "101"}, "limit", "integer_above_max_value"),
        ({"limit": "20.0"}, "limit", "invalid_type"),
        ({"limit": "٣"}, "limit", "invalid_type"),
        ({"limit": "9" * 5000}, "limit", "invalid_type"),
        ({"order": "ASC"}, "order", "invalid_value"),
    ],
)
async def test_a_bad_page_is_refused_by_name(
    api: httpx2.AsyncClient, params: dict[str, str], param: str, code: str
) -> None:
    thread_id = await new_thread(api)
    envelope = error(await api.get(f"/threads/{thread_id}/messages", params=params), 400)
    assert (envelope["param"], envelope["code"]) == (param, code)


async def test_a_page_has_twenty_messages_unless_told_and_at_most_a_hundred(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api, tuple(map(str, range(100))))
    await add(api, thread_id, "100")
    url = f"/threads/{thread_id}/messages"
    for params, length, has_more in [({}, 20, True), ({"limit": 100}, 100, True)]:
        listed = await page(api, url, **params)
        assert (len(listed["data"]), listed["has_more"]) == (length, has_more)
        assert listed["first_id"] == listed["data"][0]["id"]
        assert listed["last_id"] == listed["data"][-1]["id"]


async def test_unknown_query_parameters_are_ignored(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api, ("a",))
    assert texts(await page(api, f"/threads/{thread_id}/messages", nonsense="1")) == ["a"]


async def _v1_message(api: httpx2.AsyncClient, **body: object) -> tuple[str, Json]:
    thread_id = await new_thread(api)
    sent = {"role": "user", "content": "hi", **body}
    reply = await api.post(f"/threads/{thread_id}/messages", json=sent, headers=V1)
    assert reply.status_code == 200, reply.text
    return thread_id, reply.json()


async def test_the_first_version_has_file_ids_in_place_of_attachments(
    api: httpx2.AsyncClient,
) -> None:
    thread_id, message = await _v1_message(api, file_ids=["file-1", "file-2"])
    assert message["file_ids"] == ["file-1", "file-2"]
    assert "attachments" not in message
    seen_by_v2 = await page(api, f"/threads/{thread_id}/messages/{message['id']}")
    assert seen_by_v2["attachments"] == [
        {"file_id": "file-1", "tools": []},
        {"file_id": "file-2", "tools": []},
    ]
    assert "file_ids" not in seen_by_v2


@on_one_engine
@pytest.mark.parametrize(
    ("version", "sent", "param", "code"),
    [
        ("v2", {"file_ids": ["file-1"]}, "file_ids", "unknown_parameter"),
        ("v1", {"attachments": []}, "attachments", "unknown_parameter"),
        ("v1", {"file_ids": []}, "file_ids", "empty_array"),
        ("v1", {"file_ids": ["f"] * 11}, "file_ids", "array_above_max_length"),
        ("v1", {"content": [{"type": "text", "text": "a"}]}, "content", "invalid_type"),
    ],
)
async def test_each_version_refuses_the_other_s_fields(
    api: httpx2.AsyncClient, version: str, sent: Json, param: str, code: str
) -> None:
    thread_id = await new_thread(api)
    body = {"role": "user", "content": "a", **sent}
    headers = {"OpenAI-Beta": f"assistants={version}"}
    reply = await api.post(f"/threads/{thread_id}/messages", json=body, headers=headers)
    envelope = error(reply, 400)
    assert (envelope["param"], envelope["code"]) == (param, code)


async def test_files_are_those_attached_and_then_those_shown_each_once(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api)
    tools = [{"type": "file_search"}]
    body = {
        "role": "user",
        "content": [
            {"type": "image_file", "image_file": {"file_id": "file-c"}},
            {"type": "image_file", "image_file": {"file_id": "file-a"}},
        ],
        "attachments": [
            {"file_id": "file-a", "tools": tools},
            {"file_id": "file-b", "tools": tools},
        ],
    }
    message = (await api.post(f"/threads/{thread_id}/messages", json=body)).json()
    url = f"/threads/{thread_id}/messages/{message['id']}/files"
    files = [
        {
            "id": f"file-{letter}",
            "object": "thread.message.file",
            "created_at": message["created_at"],
            "message_id": message["id"],
        }
        for letter in "abc"
    ]

    async def listed(**params: str | int) -> tuple[list[str], bool]:
        reply = await api.get(url, params=params, headers=V1)
        return [file["id"][-1] for file in reply.json()["data"]], reply.json()["has_more"]

    whole = (await api.get(url, params={"order": "asc"}, headers=V1)).json()
    assert whole == {
        "object": "list",
        "data": files,
        "first_id": "file-a",
        "last_id": "file-c",
        "has_more": False,
    }
    assert await listed() == (["c", "b", "a"], False)
    assert await listed(limit=2) == (["c", "b"], True)
    assert await listed(after="file-b") == (["a"], False)
    assert await listed(before="file-a", limit=1) == (["b"], True)
    assert (await api.get(f"{url}/file-b", headers=V1)).json() == files[1]
    for missing in (f"{url}/file-z", f"{url}?after=file-z"):
        reply = await api.get(missing, headers=V1)
        assert error(reply, 404)["message"] == "No file found with id 'file-z'."


async def test_a_list_shows_each_message_in_the_version_that_it_is_asked_for(
    api: httpx2.AsyncClient,
) -> None:
    thread_id, message = await _v1_message(api, file_ids=["file-1"])
    url = f"/threads/{thread_id}/messages"
    assert (await api.get(url, headers=V1)).json()["data"] == [message]
    second = await page(api, f"{url}/{message['id']}")
    assert (await page(api, url))["data"] == [second]
    assert second.keys() != message.keys()


async def test_a_thread_is_begun_with_messages_of_the_version_that_is_asked_for(
    api: httpx2.AsyncClient,
) -> None:
    first = {"messages": [{"role": "user", "content": "a", "file_ids": ["file-1"]}]}
    second = {"tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}}}
    begun = await api.post("/threads", json=first, headers=V1)
    assert begun.status_code == 200
    url = f"/threads/{begun.json()['id']}/messages"
    [message] = (await api.get(url, headers=V1)).json()["data"]
    assert message["file_ids"] == ["file-1"]
    assert error(await api.post("/threads", json=first), 400)["code"] == "unknown_parameter"
    refused = await api.post("/threads", json=second, headers=V1)
    assert error(refused, 400)["code"] == "unknown_parameter"


async def test_files_are_of_the_first_version_alone(api: httpx2.AsyncClient) -> None:
    thread_id, message = await _v1_message(api, file_ids=["file-1"])
    url = f"/threads/{thread_id}/messages/{message['id']}/files"
    assert error(await api.get(url), 400)["code"] == "invalid_beta"
    missing = await api.get(f"/threads/{thread_id}/messages/msg_x/files", headers=V1)
    assert error(missing, 404)["message"] == "No message found with id 'msg_x'."
