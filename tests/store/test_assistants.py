"""Assistants are kept as OpenAI's API keeps them, though no model runs them."""

from typing import Any

import httpx2
import pytest

from tests.store.conftest import Kept, Sql, on_one_engine
from tests.store.wire import Json, error, page

FULL: Json = {
    "model": "any-model",
    "name": "Ada",
    "description": "helps",
    "instructions": "Be brief.",
    "tools": [
        {"type": "code_interpreter"},
        {"type": "file_search", "file_search": {"max_num_results": 5}},
        {
            "type": "function",
            "function": {"name": "look", "parameters": {"type": "object", "x": None}},
        },
    ],
    "tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}},
    "metadata": {"a": "1"},
    "temperature": 0.5,
    "top_p": 1,
    "reasoning_effort": "low",
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
}


async def made(api: httpx2.AsyncClient, **fields: object) -> Json:
    reply = await api.post("/assistants", json={"model": "m"} | fields)
    assert reply.status_code == 200, reply.text
    found: Json = reply.json()
    return found


async def test_an_assistant_has_what_it_was_created_with_and_the_api_s_defaults(
    api: httpx2.AsyncClient,
) -> None:
    full = await made(api, **FULL)
    assert full["id"].startswith("asst_")
    known = {"id": full["id"], "object": "assistant", "created_at": full["created_at"]}
    assert full == known | FULL
    assert await page(api, f"/assistants/{full['id']}") == full
    least = await made(api, temperature=None, name=None)
    assert least == {
        "id": least["id"],
        "object": "assistant",
        "created_at": least["created_at"],
        "model": "m",
        "name": None,
        "description": None,
        "instructions": None,
        "tools": [],
        "tool_resources": {},
        "metadata": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
    }


async def test_a_change_replaces_what_it_names_and_keeps_the_rest(
    api: httpx2.AsyncClient,
) -> None:
    full = await made(api, **FULL)
    url = f"/assistants/{full['id']}"
    changes: Json = {"model": "other", "tools": [], "metadata": {"b": "2"}}
    assert (await api.post(url, json=changes)).json() == full | changes
    unset = await api.post(url, json={"name": None, "temperature": None, "metadata": None})
    expected = full | changes | {"name": None, "temperature": 1.0, "metadata": {}}
    assert unset.json() == expected
    assert (await api.post(url, json={})).json() == expected
    assert await page(api, url) == expected


async def test_a_deleted_assistant_is_erased_and_a_page_can_still_start_after_it(
    api: httpx2.AsyncClient, kept: Kept, sql: Sql
) -> None:
    ids = [(await made(api, name=f"unmistakable {number}"))["id"] for number in range(5)]
    url = f"/assistants/{ids[2]}"
    deleted = await api.delete(url)
    assert deleted.json() == {"id": ids[2], "object": "assistant.deleted", "deleted": True}
    for reply in (await api.get(url), await api.delete(url), await api.post(url, json={})):
        assert error(reply, 404)["message"] == f"No assistant found with id '{ids[2]}'."
    first = await page(api, "/assistants", limit=2)
    assert ([each["id"] for each in first["data"]], first["has_more"]) == (ids[4:2:-1], True)
    after = await page(api, "/assistants", after=ids[2])
    assert ([each["id"] for each in after["data"]], after["has_more"]) == (ids[1::-1], False)
    before = await page(api, "/assistants", before=ids[2], order="asc")
    assert [each["id"] for each in before["data"]] == ids[:2]
    error(await api.get("/assistants", params={"after": "asst_unknown"}), 404)
    assert await sql("SELECT fields FROM assistants WHERE deleted_at IS NOT NULL") == [(None,)]
    assert b"unmistakable 1" in await kept()


async def test_a_create_with_a_key_makes_one_assistant(api: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    first, second = [await api.post("/assistants", json=FULL, headers=key) for _ in range(2)]
    assert second.headers["idempotent-replayed"] == "true"
    assert first.json() == second.json()
    assert (await page(api, "/assistants"))["data"] == [first.json()]
    await api.delete(f"/assistants/{first.json()['id']}")
    error(await api.post("/assistants", json=FULL, headers=key), 410)


@on_one_engine
@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, "model", "invalid_type"),
        ({"model": ""}, "model", "empty_string"),
        ({"name": "a" * 257}, "name", "string_above_max_length"),
        ({"description": "a" * 513}, "description", "string_above_max_length"),
        ({"instructions": "a" * 256_001}, "instructions", "string_above_max_length"),
        ({"colour": "red"}, "colour", "unknown_parameter"),
        ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
        ({"metadata": dict.fromkeys(map(str, range(17)), "")}, "metadata", None),
        ({"tools": [{"type": "retrieval"}]}, "tools[0].type", "invalid_value"),
        ({"tools": [{}]}, "tools[0].type", "missing_required_parameter"),
        ({"tools": [{"type": "code_interpreter"}] * 129}, "tools", "array_above_max_length"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
        ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
        ({"temperature": -1}, "temperature", "integer_below_min_value"),
        ({"temperature": "1"}, "temperature", "invalid_type"),
        ({"response_format": "json"}, "response_format", "invalid_value"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        ({"reasoning_effort": "most"}, "reasoning_effort", "invalid_value"),
    ],
)
async def test_what_openai_refuses_is_refused(
    api: httpx2.AsyncClient, fields: dict[str, Any], param: str, code: str | None
) -> None:
    refused = error(await api.post("/assistants", json={"model": "m"} | fields), 400)
    assert (refused["param"], refused["code"]) == (param, code or "object_above_max_properties")
    there = await made(api)
    url = f"/assistants/{there['id']}"
    assert error(await api.post(url, json=fields), 400) == refused
    assert await page(api, url) == there


@on_one_engine
async def test_an_assistant_needs_a_model_and_no_beta_header(api: httpx2.AsyncClient) -> None:
    missing = error(await api.post("/assistants", json={}), 400)
    assert missing["message"] == "Missing required parameter: 'model'."
    for beta in ("", "assistants=v1", "assistants=v2"):
        reply = await api.get("/assistants", headers={"OpenAI-Beta": beta})
        assert reply.status_code == 200
    malformed = error(await api.get("/assistants/thread_1"), 400)
    assert malformed["message"].endswith("Expected an ID that begins with 'asst'.")


@on_one_engine
async def test_a_new_vector_store_is_refused_with_the_reason(api: httpx2.AsyncClient) -> None:
    resources = {"file_search": {"vector_stores": [{"file_ids": ["file_1"]}]}}
    for url in ("/assistants", "/threads"):
        given = {"tool_resources": resources} | ({"model": "m"} if url == "/assistants" else {})
        assert error(await api.post(url, json=given), 501) == {
            "message": "Not served: this store has no vector stores, and cannot create one.",
            "param": "tool_resources.file_search.vector_stores",
            "code": "not_served",
        }
        resources["file_search"] = {"vector_stores": []}
        assert (await api.post(url, json=given)).status_code == 200
        resources["file_search"] = {"vector_stores": [{}]}
