"""Threads on the wire."""

import httpx2

from tests.store.conftest import Sql
from tests.store.wire import add, error, new_thread, page, texts

UNKNOWN = "thread_unknown"


async def test_a_new_thread_has_every_field_that_the_document_declares(
    api: httpx2.AsyncClient,
) -> None:
    resources = {"code_interpreter": {"file_ids": ["file-1"]}}
    reply = await api.post("/threads", json={"metadata": {"a": "1"}, "tool_resources": resources})
    thread = reply.json()
    assert thread == {
        "id": thread["id"],
        "object": "thread",
        "created_at": thread["created_at"],
        "metadata": {"a": "1"},
        "tool_resources": resources,
    }
    assert await page(api, f"/threads/{thread['id']}") == thread


async def test_an_empty_body_makes_an_empty_thread(api: httpx2.AsyncClient) -> None:
    thread = (await api.post("/threads")).json()
    assert (thread["metadata"], thread["tool_resources"]) == ({}, {})
    assert await page(api, f"/threads/{thread['id']}/messages") == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


async def test_a_thread_s_first_messages_keep_their_order(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api, ("a", "b", "c"))
    await add(api, thread_id, "d")
    listed = await page(api, f"/threads/{thread_id}/messages", order="asc")
    assert texts(listed) == ["a", "b", "c", "d"]


async def test_a_list_shows_the_newest_thread_first_with_its_counts(
    api: httpx2.AsyncClient,
) -> None:
    empty = await new_thread(api)
    full = await new_thread(api, ("a", "b"))
    last = await add(api, full, "c")
    await api.delete(f"/threads/{full}/messages/{last}")
    newest = (await page(api, f"/threads/{full}/messages"))["data"][0]
    listed = await page(api, "/threads")
    assert [
        (each["id"], each["message_count"], each["last_message_at"]) for each in listed["data"]
    ] == [(full, 2, newest["created_at"]), (empty, 0, None)]
    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == (full, empty, False)


async def test_a_list_of_threads_goes_on_after_and_before_a_deleted_one(
    api: httpx2.AsyncClient,
) -> None:
    made = [await new_thread(api) for _ in range(5)]
    await api.delete(f"/threads/{made[2]}")
    after = await page(api, "/threads", after=made[2], order="asc")
    before = await page(api, "/threads", before=made[2], order="asc", limit=1)
    assert [each["id"] for each in after["data"]] == made[3:]
    assert ([each["id"] for each in before["data"]], before["has_more"]) == ([made[1]], True)
    assert error(await api.get("/threads", params={"after": UNKNOWN}), 404) == {
        "message": f"No thread found with id '{UNKNOWN}'.",
        "param": None,
        "code": None,
    }


async def test_modifying_a_thread_replaces_what_is_given_and_keeps_the_rest(
    api: httpx2.AsyncClient,
) -> None:
    resources = {"code_interpreter": {"file_ids": ["file-1"]}}
    made = await api.post("/threads", json={"metadata": {"a": "1"}, "tool_resources": resources})
    thread = made.json()
    url = f"/threads/{thread['id']}"
    assert (await api.post(url, json={})).json() == thread
    changed = (await api.post(url, json={"metadata": {"b": "2"}})).json()
    assert changed == {**thread, "metadata": {"b": "2"}}
    cleared = (await api.post(url, json={"metadata": None, "tool_resources": None})).json()
    assert cleared == {**thread, "metadata": {}, "tool_resources": {}}
    assert await page(api, url) == cleared


async def test_a_deleted_thread_is_gone_with_its_messages(
    api: httpx2.AsyncClient, sql: Sql
) -> None:
    thread_id = await new_thread(api, ("a secret",))
    message_id = (await page(api, f"/threads/{thread_id}/messages"))["data"][0]["id"]
    deleted = (await api.delete(f"/threads/{thread_id}")).json()
    assert deleted == {"id": thread_id, "object": "thread.deleted", "deleted": True}
    body = {"role": "user", "content": "a"}
    replies = [
        await api.get(f"/threads/{thread_id}"),
        await api.post(f"/threads/{thread_id}", json={}),
        await api.delete(f"/threads/{thread_id}"),
        await api.get(f"/threads/{thread_id}/messages"),
        await api.post(f"/threads/{thread_id}/messages", json=body),
        await api.get(f"/threads/{thread_id}/messages/{message_id}"),
        await api.delete(f"/threads/{thread_id}/messages/{message_id}"),
    ]
    messages = {error(reply, 404)["message"] for reply in replies}
    assert messages == {f"No thread found with id '{thread_id}'."}
    assert (await page(api, "/threads"))["data"] == []
    assert await sql("SELECT count(*) FROM messages") == [(0,)]


async def test_a_malformed_thread_id_is_a_bad_request(api: httpx2.AsyncClient) -> None:
    for bad in ("abc", "msg_1", "thread_a b", "thread_" + 300 * "a", "thread_%00"):
        envelope = error(await api.get(f"/threads/{bad}/messages"), 400)
        assert (envelope["param"], envelope["code"]) == ("thread_id", "invalid_value")
        assert envelope["message"].endswith("Expected an ID that begins with 'thread'.")


async def test_the_beta_header_is_required(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api, ("a",))
    for value in ("", "assistants=v3", "other"):
        for url in ("/threads", f"/threads/{thread_id}", f"/threads/{thread_id}/messages"):
            envelope = error(await api.get(url, headers={"OpenAI-Beta": value}), 400)
            assert envelope["code"] == "invalid_beta"
    both = {"OpenAI-Beta": "something=v9, assistants=v1"}
    assert (await api.get(f"/threads/{thread_id}", headers=both)).status_code == 200


async def test_too_many_first_messages_are_refused(api: httpx2.AsyncClient) -> None:
    messages = [{"role": "user", "content": "a"}] * 101
    envelope = error(await api.post("/threads", json={"messages": messages}), 400)
    assert (envelope["param"], envelope["code"]) == ("messages", "array_above_max_length")
    assert (await page(api, "/threads"))["data"] == []


async def test_routes_and_methods_that_are_not_there_answer_with_the_envelope(
    api: httpx2.AsyncClient,
) -> None:
    assert error(await api.get("/thread"), 404)["message"] == "Invalid URL (GET /v1/thread)"
    assert error(await api.get("/threads/"), 404)["message"] == "Invalid URL (GET /v1/threads/)"
    reply = await api.put("/threads")
    assert error(reply, 405) == {
        "message": "Not allowed to PUT on /v1/threads.",
        "param": None,
        "code": "method_not_supported",
    }
    assert set(reply.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
