"""Conversations on the wire."""

import httpx2
import pytest

from tests.store.conftest import Kept, Sql, on_one_engine
from tests.store.wire import Json, add_items, error, new_conversation, page

UNKNOWN = "conv_unknown"
KEY = {"Idempotency-Key": "key-1"}
ITEM = {"role": "user", "content": "a secret"}


async def test_a_new_conversation_has_every_field_that_the_document_declares(
    api: httpx2.AsyncClient,
) -> None:
    reply = await api.post("/conversations", json={"metadata": {"a": "1"}, "items": [ITEM]})
    conversation = reply.json()
    assert conversation == {
        "id": conversation["id"],
        "object": "conversation",
        "created_at": conversation["created_at"],
        "metadata": {"a": "1"},
    }
    assert conversation["id"].startswith("conv_")
    assert await page(api, f"/conversations/{conversation['id']}") == conversation


@pytest.mark.parametrize("body", [None, {}, {"items": None, "metadata": None}, {"items": []}])
async def test_a_conversation_may_begin_empty(api: httpx2.AsyncClient, body: Json | None) -> None:
    conversation = (await api.post("/conversations", json=body)).json()
    assert conversation["metadata"] == {}
    assert await page(api, f"/conversations/{conversation['id']}/items") == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


async def test_no_endpoint_of_conversations_asks_for_a_beta_header(
    api: httpx2.AsyncClient,
) -> None:
    del api.headers["OpenAI-Beta"]
    conversation_id = await new_conversation(api, ("a",))
    assert len((await page(api, f"/conversations/{conversation_id}/items"))["data"]) == 1


async def test_updating_a_conversation_replaces_its_metadata(api: httpx2.AsyncClient) -> None:
    url = f"/conversations/{await new_conversation(api, ('a',))}"
    made = await page(api, url)
    for metadata, expected in [({"a": "1"}, {"a": "1"}), ({"b": "2"}, {"b": "2"}), (None, {})]:
        reply = await api.post(url, json={"metadata": metadata})
        assert reply.json() == {**made, "metadata": expected}
        assert await page(api, url) == reply.json()


async def test_conversations_are_listed_by_their_metadata(api: httpx2.AsyncClient) -> None:
    made = []
    for metadata in ({"a": "1"}, {"a": "1", "b.c-d": "x y"}, {"a": "2"}, {}, {"a": "1"}, None):
        reply = await api.post("/conversations", json={"metadata": metadata})
        made.append(reply.json()["id"])
    await api.delete(f"/conversations/{made[4]}")

    async def found(**filters: str) -> list[int]:
        params = {f"metadata[{key}]": value for key, value in filters.items()}
        listed = await page(api, "/conversations", order="asc", **params)
        return [made.index(each["id"]) for each in listed["data"]]

    assert await found(a="1") == [0, 1]
    assert await found(**{"a": "1", "b.c-d": "x y"}) == [1]
    assert await found(a="1%") == []
    assert await found(other="1") == []
    second = await page(
        api, "/conversations", order="asc", limit=1, after=made[0], **{"metadata[a]": "1"}
    )
    assert ([each["id"] for each in second["data"]], second["has_more"]) == ([made[1]], False)


@on_one_engine
@pytest.mark.parametrize("key", ['a"b', "ключ", "", "a" * 65, "a$", "a\nb"])
async def test_a_filter_by_metadata_has_a_plain_key(api: httpx2.AsyncClient, key: str) -> None:
    reply = await api.get("/conversations", params={f"metadata[{key}]": "1"})
    assert error(reply, 400)["message"] == (
        "Invalid 'metadata': a filter's key has 1 to 64 letters, digits and _ . -."
    )


async def test_a_deleted_conversation_is_gone_and_its_contents_are_erased(
    api: httpx2.AsyncClient, kept: Kept
) -> None:
    body = {"items": [ITEM], "metadata": {"also": "a secret"}}
    conversation_id = (await api.post("/conversations", json=body)).json()["id"]
    [item] = await add_items(api, conversation_id, {"type": "new", "nested": [ITEM]})
    url = f"/conversations/{conversation_id}"
    assert (await api.delete(url)).json() == {
        "id": conversation_id,
        "object": "conversation.deleted",
        "deleted": True,
    }
    items = {"items": [ITEM]}
    for reply in (
        await api.get(url),
        await api.delete(url),
        await api.post(url, json={"metadata": {}}),
        await api.get(f"{url}/items"),
        await api.get(f"{url}/items", params={"after": item["id"]}),
        await api.post(f"{url}/items", json=items),
        await api.get(f"{url}/items/{item['id']}"),
        await api.delete(f"{url}/items/{item['id']}"),
    ):
        assert error(reply, 404) == {
            "message": f"No conversation found with id '{conversation_id}'.",
            "param": None,
            "code": None,
        }
    assert b"a secret" not in await kept()


@on_one_engine
@pytest.mark.parametrize("below", ["", "/items", "/items/msg_1"])
@pytest.mark.parametrize("conversation_id", ["thread_1", "x", "conv%20"])
async def test_an_id_that_is_no_conversation_s_is_refused(
    api: httpx2.AsyncClient, conversation_id: str, below: str
) -> None:
    shown = conversation_id.replace("%20", " ")
    assert error(await api.get(f"/conversations/{conversation_id}{below}"), 400) == {
        "message": (
            f"Invalid 'conversation_id': '{shown}'. Expected an ID that begins with 'conv'."
        ),
        "param": "conversation_id",
        "code": "invalid_value",
    }


@on_one_engine
@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "metadata", "missing_required_parameter"),
        ({"metadata": {}, "items": []}, "items", "unknown_parameter"),
        ({"metadata": []}, "metadata", "invalid_type"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
        ({"metadata": {"a": "v" * 513}}, "metadata.a", "string_above_max_length"),
        ({"metadata": {"k" * 65: "v"}}, f"metadata.{'k' * 64}…", "string_above_max_length"),
        (
            {"metadata": {str(number): "v" for number in range(17)}},
            "metadata",
            "object_above_max_properties",
        ),
    ],
)
async def test_metadata_over_its_limits_is_refused_and_changes_nothing(
    api: httpx2.AsyncClient, body: Json, param: str, code: str
) -> None:
    url = f"/conversations/{await new_conversation(api)}"
    before = await page(api, url)
    envelope = error(await api.post(url, json=body), 400)
    assert (envelope["param"], envelope["code"]) == (param, code)
    assert await page(api, url) == before


async def test_metadata_at_its_limits_is_kept(api: httpx2.AsyncClient) -> None:
    metadata = {f"{number:064}": "é" * 512 for number in range(16)}
    reply = await api.post("/conversations", json={"metadata": metadata})
    assert reply.json()["metadata"] == metadata


async def test_every_post_takes_an_idempotency_key(api: httpx2.AsyncClient) -> None:
    made = [await api.post("/conversations", json={"items": [ITEM]}, headers=KEY) for _ in range(2)]
    assert made[0].content == made[1].content
    url = f"/conversations/{made[0].json()['id']}"
    bodies: dict[str, Json] = {"/items": {"items": [ITEM, ITEM]}, "": {"metadata": {"a": "1"}}}
    for place, body in bodies.items():
        key = {"Idempotency-Key": f"key{place}"}
        first, again = [await api.post(url + place, json=body, headers=key) for _ in range(2)]
        assert first.content == again.content
        assert again.headers["idempotent-replayed"] == "true"
    other = await api.post(f"{url}/items", json={"items": [ITEM]}, headers=KEY)
    assert error(other, 422)["code"] == "idempotency_key_reused"
    assert len((await page(api, f"{url}/items"))["data"]) == 3


async def test_a_reply_that_lists_items_is_erased_with_the_first_of_them_that_is(
    api: httpx2.AsyncClient, kept: Kept
) -> None:
    conversation_id = await new_conversation(api)
    url = f"/conversations/{conversation_id}/items"
    bodies = [{"items": [{"role": "user", "content": f"{at} a secret"}] * 2} for at in range(2)]
    keys = [{"Idempotency-Key": f"key-{at}"} for at in range(2)]
    made = [
        (await api.post(url, json=body, headers=key)).json()["data"]
        for body, key in zip(bodies, keys, strict=True)
    ]
    await api.delete(f"{url}/{made[0][1]['id']}")
    gone = error(await api.post(url, json=bodies[0], headers=keys[0]), 410)
    assert gone["code"] == "idempotent_object_deleted"
    replayed = await api.post(url, json=bodies[1], headers=keys[1])
    assert replayed.json()["data"] == made[1]
    await api.delete(f"{url}/{made[0][0]['id']}")
    assert b"0 a secret" not in await kept()
    await api.delete(f"/conversations/{conversation_id}")
    gone = error(await api.post(url, json=bodies[1], headers=keys[1]), 410)
    assert gone["code"] == "idempotent_object_deleted"
    assert b"a secret" not in await kept()


async def test_a_refused_batch_leaves_nothing(api: httpx2.AsyncClient, sql: Sql) -> None:
    conversation_id = await new_conversation(api)
    body = {"items": [ITEM, {"role": "user"}]}
    error(await api.post(f"/conversations/{conversation_id}/items", json=body), 400)
    error(await api.post("/conversations", json=body), 400)
    error(await api.post(f"/conversations/{UNKNOWN}/items", json={"items": [ITEM]}), 404)
    assert await sql(
        "SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM items)"
    ) == [(1, 0)]
