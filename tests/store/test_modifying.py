"""A message's metadata is replaced, kept, and erased with the message."""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

from pathlib import Path

import httpx2

from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.store.conftest import V2
from tests.store.wire import add, error, new_thread, page, texts

KEY = {"Idempotency-Key": "key-1"}
V1 = {"OpenAI-Beta": "assistants=v1"}


async def test_new_metadata_is_what_a_later_read_finds(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api)
    first, second = await add(api, thread_id, "one"), await add(api, thread_id, "two")
    url = f"/threads/{thread_id}/messages"
    changed = await api.post(f"{url}/{first}", json={"metadata": {"topic": "refunds"}})
    assert changed.json()["metadata"] == {"topic": "refunds"}
    assert await page(api, f"{url}/{first}") == changed.json()
    assert (await page(api, f"{url}/{second}"))["metadata"] == {}


async def test_a_change_without_metadata_leaves_it_and_null_empties_it(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api)
    url = f"/threads/{thread_id}/messages/{await add(api, thread_id, 'one')}"
    await api.post(url, json={"metadata": {"topic": "refunds"}})
    assert (await api.post(url, json={})).json()["metadata"] == {"topic": "refunds"}
    assert (await api.post(url, json={"metadata": None})).json()["metadata"] == {}
    assert (await page(api, url))["metadata"] == {}


async def test_a_key_of_a_change_does_not_go_with_another_change(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api)
    url = f"/threads/{thread_id}/messages/{await add(api, thread_id, 'one')}"
    await api.post(url, json={"metadata": {"topic": "a"}}, headers=KEY)
    assert error(await api.post(url, json={"metadata": {"topic": "b"}}, headers=KEY), 422) == {
        "message": "This Idempotency-Key was already used with a different request. Use a new key.",
        "param": "Idempotency-Key",
        "code": "idempotency_key_reused",
    }
    assert (await page(api, url))["metadata"] == {"topic": "a"}


async def test_a_repeated_change_is_answered_as_at_first_although_the_message_changed_since(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api)
    url = f"/threads/{thread_id}/messages/{await add(api, thread_id, 'one')}"
    first = await api.post(url, json={"metadata": {"topic": "a"}}, headers=KEY)
    await api.post(url, json={"metadata": {"topic": "b"}})
    again = await api.post(url, json={"metadata": {"topic": "a"}}, headers=KEY)
    assert again.content == first.content
    assert (await page(api, url))["metadata"] == {"topic": "b"}


async def test_the_reply_to_a_change_is_erased_with_its_message(
    api: httpx2.AsyncClient, path: Path
) -> None:
    thread_id = await new_thread(api)
    message_id = await add(api, thread_id, "one")
    url = f"/threads/{thread_id}/messages/{message_id}"
    change = {"metadata": {"topic": "a secret topic"}}
    await api.post(url, json=change, headers=KEY)
    await api.delete(url)
    assert error(await api.post(url, json=change, headers=KEY), 410) == {
        "message": f"'{message_id}', created with this Idempotency-Key, has been deleted.",
        "param": "Idempotency-Key",
        "code": "idempotent_object_deleted",
    }
    assert texts(await page(api, f"/threads/{thread_id}/messages")) == []
    assert b"a secret topic" not in path.read_bytes()


async def test_the_first_version_is_answered_in_the_first_version(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api)
    url = f"/threads/{thread_id}/messages/{await add(api, thread_id, 'one')}"
    first = {"OpenAI-Beta": "assistants=v1"}
    for reply in (
        await api.get(url, headers=first),
        await api.post(url, json={"metadata": {}}, headers=first),
    ):
        assert reply.json()["file_ids"] == []
        assert "attachments" not in reply.json()
    for reply in (await api.get(url, headers=V2), await api.post(url, json={}, headers=V2)):
        assert reply.json()["attachments"] == []
        assert "file_ids" not in reply.json()


async def test_the_reply_to_a_change_of_a_thread_is_erased_with_it(
    api: httpx2.AsyncClient, path: Path
) -> None:
    thread_id = await new_thread(api)
    change = {"metadata": {"topic": "a secret topic"}}
    await api.post(f"/threads/{thread_id}", json=change, headers=KEY)
    await api.delete(f"/threads/{thread_id}")
    gone = error(await api.post(f"/threads/{thread_id}", json=change, headers=KEY), 410)
    assert gone["code"] == "idempotent_object_deleted"
    assert b"a secret topic" not in path.read_bytes()


async def test_a_thread_has_tool_resources_in_the_second_version_alone(
    api: httpx2.AsyncClient,
) -> None:
    thread_id = await new_thread(api)
    change = {"tool_resources": {"code_interpreter": {"file_ids": ["file-1"]}}}
    first = await api.post(f"/threads/{thread_id}", json=change, headers=V1)
    assert error(first, 400)["code"] == "unknown_parameter"
    second = await api.post(f"/threads/{thread_id}", json=change)
    assert second.json()["tool_resources"] == change["tool_resources"]
    assert await page(api, f"/threads/{thread_id}") == second.json()


async def test_only_the_reply_about_what_is_deleted_is_erased(
    store: Store, api: httpx2.AsyncClient
) -> None:
    names = ("msg_1", "msgx1", "msg_11")
    messages = [ImportedMessage(role="user", content="a", created_at=1, id=name) for name in names]
    await store.import_thread(
        ImportedThread(key="k", id="thread_1", created_at=1, messages=messages)
    )
    url, change = "/threads/thread_1/messages", {"metadata": {"a": "1"}}

    async def changed(name: str) -> int:
        key = {"Idempotency-Key": name}
        return (await api.post(f"{url}/{name}", json=change, headers=key)).status_code

    assert [await changed(name) for name in names] == [200, 200, 200]
    await api.delete(f"{url}/msg_1")
    assert [await changed(name) for name in names] == [410, 200, 200]
