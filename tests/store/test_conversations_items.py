"""Items on the wire: messages in the form that OpenAI gives them, any other kind as it came."""

import re
import string
import typing
from unittest.mock import ANY

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.conversations import ConversationItem
from openai.types.responses import ResponseInputItemParam

from backscroll.store.conversation_object import MAX_ITEM_TEXT
from tests.store.clocks import TODAY_S, Replica
from tests.store.conftest import examples_share_a_store, on_one_engine
from tests.store.wire import Json, add_items, error, new_conversation, page

ROLES = [
    *("unknown", "user", "assistant", "system"),
    *("critic", "discriminator", "developer", "tool"),
]


async def test_items_come_back_as_a_list_in_their_order(api: httpx2.AsyncClient) -> None:
    url = f"/conversations/{await new_conversation(api, ('0',))}/items"
    body = {"items": [{"role": "user", "content": str(number)} for number in range(1, 4)]}
    made = (await api.post(url, json=body)).json()
    expected = [
        {
            "id": item["id"],
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": str(number)}],
            "created_at": ANY,
        }
        for number, item in enumerate(made["data"], 1)
    ]
    assert made == {
        "object": "list",
        "data": expected,
        "first_id": expected[0]["id"],
        "last_id": expected[2]["id"],
        "has_more": False,
    }
    assert (await page(api, url, order="asc"))["data"][1:] == expected
    assert (await page(api, url, limit=3))["data"] == expected[::-1]
    assert await page(api, f"{url}/{expected[1]['id']}") == expected[1]


async def test_an_item_has_the_time_at_which_it_was_created(database_url: str) -> None:
    replica = Replica(database_url)
    api = await replica.api()
    conversation_id = await new_conversation(api, ("0",))
    replica.let_pass(60.0)
    url = f"/conversations/{conversation_id}/items"
    body = {"items": [{"role": "user", "content": "1"}, {"type": "reasoning", "summary": []}]}
    made = await api.post(url, json=body, headers={"Idempotency-Key": "key"})
    replica.let_pass(60.0)
    again = await api.post(url, json=body, headers={"Idempotency-Key": "key"})
    listed = (await page(api, url, order="asc"))["data"]
    found = await page(api, f"{url}/{listed[1]['id']}")
    await replica.close()
    assert [item["created_at"] for item in listed] == [TODAY_S, TODAY_S + 60, TODAY_S + 60]
    assert (made.json()["data"], found) == (listed[1:], listed[1])
    assert again.content == made.content


@on_one_engine
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("typed", [{}, {"type": "message"}, {"type": None}])
async def test_text_becomes_a_part_as_the_role_demands(
    api: httpx2.AsyncClient, role: str, typed: Json
) -> None:
    conversation_id = await new_conversation(api)
    [item] = await add_items(api, conversation_id, {**typed, "role": role, "content": "\U0001f642"})
    part = (
        {"type": "output_text", "text": "\U0001f642", "annotations": []}
        if role == "assistant"
        else {"type": "input_text", "text": "\U0001f642"}
    )
    assert item == {
        "id": item["id"],
        "type": "message",
        "status": "completed",
        "role": role,
        "content": [part],
        "created_at": ANY,
    }


@on_one_engine
async def test_parts_are_kept_with_what_the_document_declares_of_them(
    api: httpx2.AsyncClient,
) -> None:
    url = [{"type": "url_citation", "url": "https://example.org", "title": "a"}]
    given_parts: list[Json] = [
        {"type": "input_text", "text": ""},
        {"type": "output_text", "text": "b"},
        {"type": "output_text", "text": "c", "annotations": url, "logprobs": []},
        {"type": "input_image", "file_id": "file-1"},
        {"type": "input_image", "image_url": "https://example.org/a.png", "detail": "high"},
        {"type": "input_file", "file_id": "file-2"},
        {"type": "refusal", "refusal": "no"},
        {"type": "hologram", "text": {"deep": [1, None]}},
    ]
    conversation_id = await new_conversation(api)
    message = {"role": "assistant", "content": given_parts, "phase": "commentary"}
    [item] = await add_items(api, conversation_id, {**message, "status": "incomplete"})
    expected = list(given_parts)
    expected[1] = {**given_parts[1], "annotations": []}
    expected[3] = {**given_parts[3], "detail": "auto"}
    assert item == {
        "id": item["id"],
        "type": "message",
        "status": "incomplete",
        "role": "assistant",
        "phase": "commentary",
        "content": expected,
        "created_at": ANY,
    }


async def test_ids_are_minted_and_those_that_were_given_replaced(api: httpx2.AsyncClient) -> None:
    conversation_id = await new_conversation(api)
    items: list[Json] = [
        {"type": "message", "role": "user", "content": "a", "id": "msg_mine"},
        {"type": "function_call", "id": "fc_mine", "call_id": "call_1", "name": "f"},
        {"type": "function_call_output", "id": 5, "call_id": "call_1", "output": "1"},
    ]
    message, call, output = await add_items(api, conversation_id, *items)
    assert message["id"].startswith("msg_")
    stored = {"status": "completed", "created_at": ANY}
    assert call == {**items[1], "id": call["id"], **stored}
    assert output == {**items[2], "id": output["id"], **stored}
    assert len({message["id"], call["id"], output["id"], "msg_mine", "fc_mine"}) == 5


_PREFIXES = {
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "reasoning": "rs_",
    "web_search_call": "ws_",
    "file_search_call": "fs_",
    "code_interpreter_call": "ci_",
    "image_generation_call": "ig_",
    "computer_call": "cu_",
    "computer_call_output": "cuo_",
    "local_shell_call": "lsh_",
    "local_shell_call_output": "lsho_",
    "shell_call": "sh_",
    "shell_call_output": "sho_",
    "apply_patch_call": "apc_",
    "apply_patch_call_output": "apco_",
    "tool_search_call": "tsc_",
    "tool_search_output": "tso_",
    "mcp_call": "mcp_",
    "mcp_list_tools": "mcpl_",
    "mcp_approval_request": "mcpr_",
    "mcp_approval_response": "mcpa_",
    "compaction": "cmp_",
    "program": "prog_",
    "program_output": "prog_out_",
    "additional_tools": "item_",
    "configuration_update": "item_",
    "hologram": "item_",
    "function_call_": "item_",
}
_CALLS = {
    *("function_call", "function_call_output", "computer_call_output", "shell_call"),
    *("shell_call_output", "tool_search_call", "tool_search_output"),
}


async def _added(api: httpx2.AsyncClient, items: list[Json]) -> list[Json]:
    conversation_id = await new_conversation(api)
    for at in range(0, len(items), 20):
        await add_items(api, conversation_id, *items[at : at + 20])
    listed = await page(api, f"/conversations/{conversation_id}/items", order="asc", limit=100)
    found: list[Json] = listed["data"]
    return found


async def test_an_items_id_begins_as_openais_of_its_type(api: httpx2.AsyncClient) -> None:
    items = await _added(api, [{"type": kind, "id": "item_mine"} for kind in _PREFIXES])
    found = {item["type"]: re.sub("[0-9A-Za-z]{24}$", "", item["id"]) for item in items}
    assert found == _PREFIXES


def test_every_type_of_item_has_a_known_prefix() -> None:
    (kinds, *_) = typing.get_args(ConversationItem)
    fields = (model.model_fields["type"].annotation for model in typing.get_args(kinds))
    types = {typing.get_args(field)[0] for field in fields}
    assert types - {"message"} == _PREFIXES.keys() - {"hologram", "function_call_"}


async def test_a_call_without_a_status_is_completed(api: httpx2.AsyncClient) -> None:
    statuses: list[Json] = [{}, {"status": None}, {"status": "incomplete"}]
    given = [{"type": kind, **status} for kind in _PREFIXES for status in statuses]
    completed = {"status": "completed"}
    assert await _added(api, given) == [
        {"id": ANY, "created_at": ANY, **item, **(completed if filled else {})}
        for item in given
        for filled in [item["type"] in _CALLS and item.get("status") is None]
    ]


def test_the_calls_are_those_whose_status_openai_requires_only_in_replies() -> None:
    (kinds, *_) = typing.get_args(ConversationItem)
    in_replies = {
        typing.get_args(model.model_fields["type"].annotation)[0]
        for model in typing.get_args(kinds)
        if "status" in model.model_fields and model.model_fields["status"].is_required()
    }
    in_requests: set[str] = set()
    for form in typing.get_args(ResponseInputItemParam):
        hints = typing.get_type_hints(form, include_extras=True)
        if typing.get_origin(hints.get("status")) is typing.Required:
            in_requests |= set(typing.get_args(typing.get_args(hints["type"])[0]))
    assert in_replies - in_requests == _CALLS


_keys = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)
_kinds = (_texts | st.text(string.ascii_lowercase + "_", min_size=1, max_size=20)).filter(
    lambda kind: kind not in {"", "message", "item_reference"}
)
_items = st.builds(
    lambda fields, kind: {**fields, "type": kind}, st.dictionaries(_keys, _json, max_size=5), _kinds
)
_parts = st.builds(
    lambda fields, kind: {**fields, "type": kind},
    st.dictionaries(_keys, _json, max_size=5),
    _kinds.filter(lambda kind: "text" not in kind and kind != "input_image"),
)


@on_one_engine
@examples_share_a_store
@given(items=st.lists(_items, min_size=1, max_size=4))
async def test_any_object_with_a_type_goes_in_and_comes_out(
    api: httpx2.AsyncClient, items: list[Json]
) -> None:
    conversation_id = await new_conversation(api)
    made = await add_items(api, conversation_id, *items)
    url = f"/conversations/{conversation_id}/items"
    assert (await page(api, url, order="asc", limit=100))["data"] == made
    assert made == [{**item, "id": ANY, "created_at": ANY} for item in items]


@on_one_engine
@examples_share_a_store
@given(parts=st.lists(_parts, max_size=3), role=st.sampled_from(ROLES))
async def test_any_part_with_a_type_goes_in_and_comes_out(
    api: httpx2.AsyncClient, parts: list[Json], role: str
) -> None:
    conversation_id = await new_conversation(api)
    [made] = await add_items(api, conversation_id, {"role": role, "content": parts})
    assert made["content"] == parts
    assert await page(api, f"/conversations/{conversation_id}/items/{made['id']}") == made


def _message(**fields: object) -> Json:
    return {"items": [{"role": "user", "content": "a", **fields}]}


@on_one_engine
@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "items", "missing_required_parameter"),
        ({"items": None}, "items", "invalid_type"),
        ({"items": []}, "items", "empty_array"),
        ({"items": [{"type": "x"}] * 21}, "items", "array_above_max_length"),
        ({"items": [{"type": "x"}], "metadata": {}}, "metadata", "unknown_parameter"),
        ({"items": ["a"]}, "items[0]", "invalid_type"),
        ({"items": [{"type": "x"}, None]}, "items[1]", "invalid_type"),
        ({"items": [{}]}, "items[0].type", "missing_required_parameter"),
        ({"items": [{"type": None}]}, "items[0].type", "invalid_type"),
        ({"items": [{"type": 5}]}, "items[0].type", "invalid_type"),
        ({"items": [{"type": ""}]}, "items[0].type", "empty_string"),
        ({"items": [{"type": "item_reference", "id": "msg_1"}]}, "items[0].type", "invalid_value"),
        ({"items": [{"role": "user"}]}, "items[0].content", "missing_required_parameter"),
        ({"items": [{"content": "a"}]}, "items[0].role", "missing_required_parameter"),
        (_message(role="moderator"), "items[0].role", "invalid_value"),
        (_message(role=None), "items[0].role", "invalid_type"),
        (_message(status="done"), "items[0].status", "invalid_value"),
        (_message(content=None), "items[0].content", "invalid_type"),
        (_message(content=["a"]), "items[0].content[0]", "invalid_type"),
        (_message(content=[{}]), "items[0].content[0].type", "missing_required_parameter"),
        (_message(content=[{"type": 5}]), "items[0].content[0].type", "invalid_type"),
        (_message(content=[{"type": ""}]), "items[0].content[0].type", "empty_string"),
        (
            _message(content=[{"type": "output_text"}]),
            "items[0].content[0].text",
            "missing_required_parameter",
        ),
        (
            _message(content=[{"type": "text", "text": {"value": "a"}}]),
            "items[0].content[0].text",
            "invalid_type",
        ),
        (
            _message(content="a" * (MAX_ITEM_TEXT + 1)),
            "items[0].content",
            "string_above_max_length",
        ),
        (_message(content="a\0"), None, "invalid_json"),
    ],
)
async def test_what_is_no_item_is_refused_by_name(
    api: httpx2.AsyncClient, body: Json, param: str | None, code: str
) -> None:
    url = f"/conversations/{await new_conversation(api)}/items"
    envelope = error(await api.post(url, json=body), 400)
    assert (envelope["param"], envelope["code"]) == (param, code)
    assert (await page(api, url))["data"] == []


async def test_a_new_conversation_takes_twenty_items_and_no_more(api: httpx2.AsyncClient) -> None:
    texts = tuple(map(str, range(20)))
    conversation_id = await new_conversation(api, texts)
    listed = await page(api, f"/conversations/{conversation_id}/items", order="asc")
    assert [item["content"][0]["text"] for item in listed["data"]] == list(texts)
    body = {"items": [{"type": "x"}] * 21}
    envelope = error(await api.post("/conversations", json=body), 400)
    assert (envelope["param"], envelope["code"]) == ("items", "array_above_max_length")


async def test_the_longest_text_comes_back_whole(shared: str) -> None:
    """PostgreSQL has limits for rows and indexes that SQLite does not have."""
    replica = Replica(shared)
    api = await replica.api()
    conversation_id = await new_conversation(api)
    text = "é" * MAX_ITEM_TEXT
    [made] = await add_items(api, conversation_id, {"role": "user", "content": text})
    found = await page(api, f"/conversations/{conversation_id}/items/{made['id']}")
    assert found["content"][0]["text"] == text
    await replica.close()


async def test_a_deleted_item_is_gone_and_leaves_its_conversation(
    api: httpx2.AsyncClient,
) -> None:
    conversation_id = await new_conversation(api, ("0", "1", "2"))
    url = f"/conversations/{conversation_id}/items"
    ids = [item["id"] for item in (await page(api, url, order="asc"))["data"]]
    reply = await api.delete(f"{url}/{ids[1]}")
    assert reply.json() == await page(api, f"/conversations/{conversation_id}")
    assert [item["id"] for item in (await page(api, url))["data"]] == [ids[2], ids[0]]
    for again in (await api.get(f"{url}/{ids[1]}"), await api.delete(f"{url}/{ids[1]}")):
        assert error(again, 404)["message"] == f"No item found with id '{ids[1]}'."


async def test_an_item_of_another_conversation_is_not_found(api: httpx2.AsyncClient) -> None:
    first, second = await new_conversation(api), await new_conversation(api)
    [item] = await add_items(api, first, {"role": "user", "content": "a"})
    url = f"/conversations/{second}/items"
    message = f"No item found with id '{item['id']}'."
    for reply in (
        await api.get(f"{url}/{item['id']}"),
        await api.delete(f"{url}/{item['id']}"),
        await api.get(url, params={"after": item["id"]}),
    ):
        assert error(reply, 404)["message"] == message
    assert (await page(api, f"/conversations/{first}/items"))["data"] == [item]


@on_one_engine
async def test_an_item_cannot_be_modified(api: httpx2.AsyncClient) -> None:
    conversation_id = await new_conversation(api)
    [item] = await add_items(api, conversation_id, {"role": "user", "content": "a"})
    reply = await api.post(f"/conversations/{conversation_id}/items/{item['id']}", json={})
    assert error(reply, 405)["code"] == "method_not_supported"
