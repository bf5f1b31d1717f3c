"""Bodies that the store refuses: always the envelope, never a write."""

import httpx2
import pytest

from backscroll.store.request_body import MAX_BODY_BYTES
from tests.store.conftest import on_one_engine
from tests.store.wire import Json, error, new_thread, page

JSON = {"Content-Type": "application/json"}


@on_one_engine
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "Expecting property name"),
        (b"[]", "it is not an object"),
        (b"null", "it is not an object"),
        (b'{"role": "user", "content": NaN}', "NaN and Infinity are not JSON"),
        (b'{"role": "user", "content": -Infinity}', "NaN and Infinity are not JSON"),
        (b'{"role": "user", "content": 1e999}', "a number is not finite"),
        (b'{"role": "user", "content": ' + b"9" * 5000 + b"}", "integer string conversion"),
        (b'{"role": "user", "role": "user", "content": "a"}', "the same key twice"),
        (b'{"role": "user", "content": "\\ud800"}', "a string has a lone surrogate"),
        (b'{"role": "user", "content": "a", "metadata": {"\\udc00": ""}}', "lone surrogate"),
        (b'{"role": "user", "content": "a\\u0000b"}', "a string has a NUL character"),
        (b'{"role": "user", "content": "\\\\\\u0000"}', "a string has a NUL character"),
        (b'{"role": "user", "content": "a\0b"}', "Invalid control character"),
        (b'{"role": "user", "content": "\xff"}', "it is not UTF-8"),
        (b'\xef\xbb\xbf{"role": "user", "content": "a"}', "BOM"),
        (b"[" * 200_000, "it is nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "it is nested too deeply"),
    ],
)
async def test_json_that_is_broken_or_cannot_be_kept_is_refused(
    api: httpx2.AsyncClient, body: bytes, reason: str
) -> None:
    thread_id = await new_thread(api)
    reply = await api.post(f"/threads/{thread_id}/messages", content=body, headers=JSON)
    envelope = error(reply, 400)
    assert envelope["code"] == "invalid_json"
    assert reason in envelope["message"]
    assert (await page(api, f"/threads/{thread_id}/messages"))["data"] == []


async def test_an_escaped_backslash_before_u0000_is_no_nul(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api)
    body = b'{"role": "user", "content": "\\\\u0000"}'
    reply = await api.post(f"/threads/{thread_id}/messages", content=body, headers=JSON)
    assert reply.json()["content"][0]["text"]["value"] == "\\u0000"


@on_one_engine
async def test_a_body_over_the_bound_is_refused_before_it_is_read_whole(
    api: httpx2.AsyncClient,
) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    envelope = error(await api.post("/threads", content=body, headers=JSON), 413)
    assert envelope["code"] == "request_too_large"


@on_one_engine
async def test_a_body_of_another_type_is_refused(api: httpx2.AsyncClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        reply = await api.post("/threads", content=b"{}", headers={"Content-Type": kind})
        assert error(reply, 400)["code"] == "unsupported_content_type"
    kind = "application/json; charset=utf-8"
    reply = await api.post("/threads", content=b"{}", headers={"Content-Type": kind})
    assert reply.status_code == 200


def _parts(*parts: object) -> Json:
    return {"role": "user", "content": list(parts)}


@on_one_engine
@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "role", "missing_required_parameter"),
        ({"role": "user"}, "content", "missing_required_parameter"),
        ({"role": "system", "content": "a"}, "role", "invalid_value"),
        ({"role": None, "content": "a"}, "role", "invalid_type"),
        ({"role": "user", "content": None}, "content", "invalid_type"),
        ({"role": "user", "content": 5}, "content", "invalid_type"),
        ({"role": "user", "content": ""}, "content", "empty_string"),
        ({"role": "user", "content": "a" * 256_001}, "content", "string_above_max_length"),
        ({"role": "user", "content": []}, "content", "empty_array"),
        ({"role": "user", "content": "a", "run_id": "r"}, "run_id", "unknown_parameter"),
        (_parts("a"), "content[0]", "invalid_type"),
        (_parts({}), "content[0].type", "missing_required_parameter"),
        (_parts({"type": "video"}), "content[0].type", "invalid_value"),
        (_parts({"type": ["text"]}), "content[0].type", "invalid_value"),
        (_parts({"type": "text"}), "content[0].text", "missing_required_parameter"),
        (_parts({"type": "text", "text": ""}), "content[0].text", "empty_string"),
        (_parts({"type": "text", "text": {"value": "a"}}), "content[0].text", "invalid_type"),
        (
            _parts(*[{"type": "text", "text": "a" * 128_001}] * 2),
            "content",
            "string_above_max_length",
        ),
        (
            _parts({"type": "image_file", "image_file": {}}),
            "content[0].image_file.file_id",
            "missing_required_parameter",
        ),
        (
            _parts({"type": "image_url", "image_url": {"url": "u", "detail": "max"}}),
            "content[0].image_url.detail",
            "invalid_value",
        ),
        (
            {"role": "user", "content": "a", "attachments": [{"file_id": "f"}]},
            "attachments[0].tools",
            "missing_required_parameter",
        ),
        (
            {"role": "user", "content": "a", "attachments": [{"file_id": "f", "tools": [{}]}]},
            "attachments[0].tools[0].type",
            "missing_required_parameter",
        ),
        (
            {"role": "user", "content": "a", "metadata": {str(n): "" for n in range(17)}},
            "metadata",
            "object_above_max_properties",
        ),
        (
            {"role": "user", "content": "a", "metadata": {"k": "v" * 513}},
            "metadata.k",
            "string_above_max_length",
        ),
        (
            {"role": "user", "content": "a", "metadata": {"k" * 65: "v"}},
            f"metadata.{'k' * 64}…",
            "string_above_max_length",
        ),
        ({"role": "user", "content": "a", "metadata": {"k": 1}}, "metadata.k", "invalid_type"),
        ({"role": "user", "content": "a", "metadata": []}, "metadata", "invalid_type"),
    ],
)
async def test_a_field_against_the_rules_is_refused_by_name(
    api: httpx2.AsyncClient, body: Json, param: str, code: str
) -> None:
    thread_id = await new_thread(api)
    envelope = error(await api.post(f"/threads/{thread_id}/messages", json=body), 400)
    assert (envelope["param"], envelope["code"]) == (param, code)
    assert param in envelope["message"] or code == "invalid_value"
    in_a_thread = error(await api.post("/threads", json={"messages": [body]}), 400)
    assert (in_a_thread["param"], in_a_thread["code"]) == (f"messages[0].{param}", code)
    assert (await page(api, f"/threads/{thread_id}/messages"))["data"] == []


async def test_metadata_is_taken_up_to_its_limits(api: httpx2.AsyncClient) -> None:
    metadata = {f"{number:064}": "v" * 512 for number in range(16)}
    reply = await api.post("/threads", json={"metadata": metadata})
    assert reply.json()["metadata"] == metadata


async def test_an_optional_field_may_be_null(api: httpx2.AsyncClient) -> None:
    thread_id = await new_thread(api)
    body = {"role": "user", "content": "a", "attachments": None, "metadata": None}
    message = (await api.post(f"/threads/{thread_id}/messages", json=body)).json()
    assert (message["attachments"], message["metadata"]) == ([], {})


@on_one_engine
@pytest.mark.parametrize(
    ("resources", "param", "code"),
    [
        (
            {"code_interpreter": {"file_ids": ["f"] * 21}},
            "tool_resources.code_interpreter.file_ids",
            "array_above_max_length",
        ),
        (
            {"file_search": {"vector_store_ids": ["a", "b"]}},
            "tool_resources.file_search.vector_store_ids",
            "array_above_max_length",
        ),
        (
            {"file_search": {"stores": []}},
            "tool_resources.file_search.stores",
            "unknown_parameter",
        ),
        ("x", "tool_resources", "invalid_type"),
    ],
)
async def test_tool_resources_against_the_rules_are_refused_by_name(
    api: httpx2.AsyncClient, resources: object, param: str, code: str
) -> None:
    envelope = error(await api.post("/threads", json={"tool_resources": resources}), 400)
    assert (envelope["param"], envelope["code"]) == (param, code)
