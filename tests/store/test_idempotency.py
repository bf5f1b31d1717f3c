"""A POST with a key is done once, and its first reply is the reply."""

import asyncio

import httpx2
import pytest

from backscroll.store.app import open_store
from tests.store.conftest import V2, Kept, Sql
from tests.store.wire import error, new_thread, page, texts

BODY = {"role": "user", "content": "once"}
KEY = {"Idempotency-Key": "key-1"}


async def test_the_first_reply_is_replayed_byte_for_byte(api: httpx2.AsyncClient) -> None:
    url = f"/threads/{await new_thread(api)}/messages"
    first = await api.post(url, json=BODY, headers=KEY)
    again = await api.post(url, json=BODY, headers=KEY)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    unkeyed = await api.post(url, json={"role": "user", "content": "other"})
    kinds = {reply.headers["content-type"] for reply in (first, again, unkeyed)}
    assert kinds == {"application/json"}
    assert texts(await page(api, url)) == ["other", "once"]


async def test_every_post_takes_a_key(api: httpx2.AsyncClient) -> None:
    threads = [await api.post("/threads", json={}, headers=KEY) for _ in range(2)]
    assert threads[0].content == threads[1].content
    assert len((await page(api, "/threads"))["data"]) == 1
    url = f"/threads/{threads[0].json()['id']}"
    key = {"Idempotency-Key": "key-2"}
    changed = await api.post(url, json={"metadata": {"a": "1"}}, headers=key)
    await api.post(url, json={"metadata": {"a": "2"}})
    replayed = await api.post(url, json={"metadata": {"a": "1"}}, headers=key)
    assert replayed.content == changed.content
    assert (await page(api, url))["metadata"] == {"a": "2"}


async def test_a_key_used_with_another_request_is_refused(api: httpx2.AsyncClient) -> None:
    first, second = await new_thread(api), await new_thread(api)
    await api.post(f"/threads/{first}/messages", json=BODY, headers=KEY)
    other_body = {"role": "user", "content": "twice"}
    for url, body in [(first, other_body), (second, BODY)]:
        reply = await api.post(f"/threads/{url}/messages", json=body, headers=KEY)
        envelope = error(reply, 422)
        assert envelope["code"] == "idempotency_key_reused"
    assert texts(await page(api, f"/threads/{first}/messages")) == ["once"]
    assert texts(await page(api, f"/threads/{second}/messages")) == []


async def test_a_failure_leaves_the_key_free(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api)
    missing = await api.post("/threads/thread_x/messages", json=BODY, headers=KEY)
    assert missing.status_code == 404
    reply = await api.post(f"/threads/{thread_id}/messages", json=BODY, headers=KEY)
    assert reply.status_code == 200


async def test_requests_at_once_with_one_key_write_once(api: httpx2.AsyncClient) -> None:
    url = f"/threads/{await new_thread(api)}/messages"
    replies = await asyncio.gather(*(api.post(url, json=BODY, headers=KEY) for _ in range(20)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    assert texts(await page(api, url)) == ["once"]


async def test_a_key_outlives_the_process(database_url: str) -> None:
    contents = []
    for _ in range(2):
        async with open_store(database_url) as store:
            transport = httpx2.ASGITransport(app=store.app)
            async with httpx2.AsyncClient(
                transport=transport, base_url="http://store/v1", headers=V2
            ) as api:
                contents.append((await api.post("/threads", json={}, headers=KEY)).content)
    assert contents[0] == contents[1]


@pytest.mark.parametrize("key", ["", "a" * 256, "a\tb", "é".encode()])
async def test_a_malformed_key_is_refused(api: httpx2.AsyncClient, key: str | bytes) -> None:
    headers = [(b"Idempotency-Key", key if isinstance(key, bytes) else key.encode())]
    envelope = error(await api.post("/threads", json={}, headers=headers), 400)
    assert (envelope["param"], envelope["code"]) == ("Idempotency-Key", "invalid_idempotency_key")
    assert envelope["message"] == (
        "Invalid 'Idempotency-Key': expected 1 to 255 printable ASCII characters."
    )


@pytest.mark.parametrize("key", ["a", " ", "~" * 255])
async def test_a_key_of_printable_ascii_is_taken(api: httpx2.AsyncClient, key: str) -> None:
    url = f"/threads/{await new_thread(api)}/messages"
    for _ in range(2):
        reply = await api.post(url, json=BODY, headers={"Idempotency-Key": f"k{key}"[:255]})
        assert reply.status_code == 200
    assert texts(await page(api, url)) == ["once"]


async def test_a_day_old_key_is_forgotten_at_a_later_write(
    api: httpx2.AsyncClient, sql: Sql
) -> None:
    for number in range(10):
        await api.post("/threads", json={}, headers={"Idempotency-Key": f"old-{number}"})
    await sql("UPDATE retention_clock SET elapsed_ms = 26 * 3600 * 1000 + 1")
    for number, left in [(0, 2), (1, 0)]:
        await api.post("/threads", json={}, headers={"Idempotency-Key": f"new-{number}"})
        old = "SELECT count(*) FROM idempotency WHERE key LIKE 'old-%'"
        assert await sql(old) == [(left,)]


async def test_a_deleted_object_s_reply_is_erased_and_not_made_again(
    api: httpx2.AsyncClient, kept: Kept
) -> None:
    thread_id = await new_thread(api)
    url = f"/threads/{thread_id}/messages"
    bodies = [{"role": "user", "content": f"a secret {number}"} for number in range(2)]
    keys = [{"Idempotency-Key": f"key-{number}"} for number in range(2)]
    made = [
        (await api.post(url, json=body, headers=key)).json()["id"]
        for body, key in zip(bodies, keys, strict=True)
    ]
    await api.delete(f"{url}/{made[0]}")
    gone = error(await api.post(url, json=bodies[0], headers=keys[0]), 410)
    assert gone["code"] == "idempotent_object_deleted"
    assert texts(await page(api, url)) == ["a secret 1"]
    replayed = await api.post(url, json=bodies[1], headers=keys[1])
    assert replayed.json()["id"] == made[1]
    await api.delete(f"/threads/{thread_id}")
    gone = error(await api.post(url, json=bodies[1], headers=keys[1]), 410)
    assert gone["code"] == "idempotent_object_deleted"
    assert b"a secret" not in await kept()
