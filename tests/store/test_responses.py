"""Responses that were imported are listed, read, paged through and deleted; none is created."""

from itertools import count

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from backscroll.database.faults import StoreError
from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedConversation, ImportedItem, ImportedResponse
from tests.store.conftest import Kept, examples_share_a_store, on_one_engine
from tests.store.wire import Json, error, page

_number = count()


def message(role: str, text: str, item_id: str | None = None) -> Json:
    kind = "output_text" if role == "assistant" else "input_text"
    part: Json = {"type": kind, "text": text} | ({"annotations": []} if role == "assistant" else {})
    named = {} if item_id is None else {"id": item_id}
    return named | {"type": "message", "role": role, "status": "completed", "content": [part]}


CALL: Json = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "look",
    "arguments": "{}",
    "status": "completed",
}
RESPONSE = ImportedResponse(
    key="r",
    id="resp_1",
    created_at=10,
    input=[message("user", "Look out.", "msg_1")],
    output=[{"id": "rs_1", "type": "reasoning", "summary": []}, CALL],
    metadata={"a": "1"},
    fields={
        "model": "m",
        "status": "completed",
        "conversation": {"id": "conv_1"},
        "service_tier": "default",
        "billing": {"payer": "developer"},
        "temperature": 0.5,
    },
)


def turn(name: str, *texts: str, after: str | None = None) -> ImportedResponse:
    """Return a response whose input has these texts, and whose output is one message."""
    return ImportedResponse(
        key=f"resp_{name}",
        id=f"resp_{name}",
        created_at=1,
        input=[message("user", text, f"msg_{text}") for text in texts],
        output=[message("assistant", name, f"msg_{name}")],
        fields={"model": "m", "previous_response_id": after and f"resp_{after}"},
    )


async def bring_in(store: Store, *responses: ImportedResponse) -> None:
    for each in responses:
        assert (await store.import_response(each)).kind == "imported"


async def input_ids(api: httpx2.AsyncClient, name: str, **params: str | int) -> list[str]:
    listed = await page(api, f"/responses/resp_{name}/input_items", **params)
    return [item["id"].removeprefix("msg_") for item in listed["data"]]


async def test_a_response_goes_in_as_it_is_and_comes_out_the_same(
    store: Store, api: httpx2.AsyncClient
) -> None:
    assert (await store.import_response(RESPONSE)).kind == "imported"
    assert (await store.import_response(replace(RESPONSE, output=[]))).kind == "present"
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 10,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "previous_response_id": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **RESPONSE.fields,
        "output": RESPONSE.output,
        "metadata": {"a": "1"},
    }
    assert await page(api, "/responses/resp_1?include[]=reasoning.encrypted_content") == whole
    assert (await page(api, "/responses"))["data"] == [whole]
    assert await page(api, "/responses/resp_1/input_items") == {
        "object": "list",
        "data": RESPONSE.input,
        "first_id": "msg_1",
        "last_id": "msg_1",
        "has_more": False,
    }
    assert [each async for each in store.export_responses()] == [RESPONSE]


async def test_input_without_ids_gets_ids_that_stay(store: Store, api: httpx2.AsyncClient) -> None:
    bare = replace(
        RESPONSE,
        id=None,
        fields={"conversation": "conv_2"},
        input=[{"role": "user", "content": "Hi"}],
    )
    made = await store.import_response(bare)
    [item] = (await page(api, f"/responses/{made.id}/input_items"))["data"]
    assert made.id.startswith("resp_")
    assert item == message("user", "Hi", item["id"])
    assert (await page(api, f"/responses/{made.id}/input_items"))["data"] == [item]
    found = await page(api, f"/responses/{made.id}")
    assert (found["conversation"], found["model"]) == ({"id": "conv_2"}, "")


async def test_what_the_store_cannot_do_says_why(store: Store, api: httpx2.AsyncClient) -> None:
    await bring_in(store, RESPONSE)
    for url, purpose in {
        "/responses": "create responses",
        "/responses/resp_1/cancel": "run or cancel responses",
        "/responses/input_tokens": "count input tokens",
        "/responses/compact": "compact a response",
        "/chat/completions": "create chat completions",
    }.items():
        assert error(await api.post(url, json={}), 501) == {
            "message": f"Not served: this store has no model, so it cannot {purpose}. It keeps "
            "what 'backscroll import' brings in. To let a model server answer, start the "
            "store with BACKSCROLL_MODEL_URL.",
            "param": None,
            "code": "model_not_configured",
        }
    assert error(await api.get("/responses/resp_1?stream=true"), 501) == {
        "message": "Not served: this store keeps responses, but not the events of a stream. "
        "Retrieve the response without 'stream'.",
        "param": "stream",
        "code": "not_served",
    }
    error(await api.get("/responses/resp_none?stream=true"), 404)
    assert (await page(api, "/responses/resp_1?stream=false"))["id"] == "resp_1"
    for method, url in (("GET", ""), ("DELETE", ""), ("GET", "/input_items")):
        missing = await api.request(method, f"/responses/input_tokens{url}")
        assert error(missing, 404)["message"] == "Response with id 'input_tokens' not found."
    for limit in (0, 101):
        error(await api.get(f"/responses/resp_1/input_items?limit={limit}"), 400)


async def test_the_list_is_foundry_s(store: Store, api: httpx2.AsyncClient) -> None:
    turns = [turn(name) for name in "abcd"]
    in_conversation = {"conversation": {"id": "conv_1"}}
    turns[1:3] = [replace(each, fields=each.fields | in_conversation) for each in turns[1:3]]
    await bring_in(store, *turns)
    await api.delete("/responses/resp_b")

    async def ids(**params: str | int) -> tuple[list[str], bool]:
        listed = await page(api, "/responses", **params)
        found = [each["id"].removeprefix("resp_") for each in listed["data"]]
        assert listed["object"] == "list"
        return found, listed["has_more"]

    assert await ids() == (["d", "c", "a"], False)
    assert await ids(order="asc", limit=2) == (["a", "c"], True)
    assert await ids(after="resp_b") == (["a"], False)
    assert await ids(before="resp_a", limit=1) == (["c"], True)
    assert await ids(before="resp_a", limit=1, abridged=0) == (["c"], True)
    assert await ids(conversation_id="conv_1") == (["c"], False)
    assert await ids(conversation_id="conv_9") == ([], False)
    unknown = await api.get("/responses?after=resp_9")
    assert error(unknown, 404)["message"] == "No response found with id 'resp_9'."


async def test_the_history_of_the_chain_comes_before_the_own_input_and_each_item_once(
    store: Store, api: httpx2.AsyncClient
) -> None:
    # The newest is imported first, and sends a message of the first again.
    await bring_in(store, turn("c", "1", "3", after="b"), turn("b", "2", after="a"), turn("a", "1"))
    assert await input_ids(api, "c", order="asc") == ["1", "a", "2", "b", "3"]
    assert await input_ids(api, "c") == ["3", "b", "2", "a", "1"]
    assert await input_ids(api, "c", limit=2, after="msg_b") == ["2", "a"]
    assert await input_ids(api, "c", limit=2, before="msg_1") == ["2", "a"]
    assert await input_ids(api, "a", order="asc") == ["1"]
    unknown = await api.get("/responses/resp_b/input_items?after=msg_b")
    assert error(unknown, 404)["message"] == "No item found with id 'msg_b'."


async def test_a_deleted_response_takes_its_history_along_and_leaves_its_place(
    store: Store, api: httpx2.AsyncClient
) -> None:
    turns = [turn("a", "1"), turn("b", "2", after="a"), turn("c", "3", "2", after="b")]
    await bring_in(store, *turns, turn("d", after="c"))
    deleted = await api.delete("/responses/resp_b")
    assert deleted.json() == {"id": "resp_b", "object": "response.deleted", "deleted": True}
    error(await api.get("/responses/resp_b"), 404)
    error(await api.delete("/responses/resp_b"), 404)
    error(await api.get("/responses/resp_b/input_items"), 404)
    # The message 2 keeps the place that it had in the deleted response.
    assert await input_ids(api, "d", order="asc") == ["2", "3", "c"]
    assert await input_ids(api, "d", order="asc", after="msg_a") == ["2", "3", "c"]
    assert await input_ids(api, "d", order="asc", after="msg_b") == ["3", "c"]
    assert await input_ids(api, "d", after="msg_b") == ["2"]
    assert (await page(api, "/responses/resp_c"))["previous_response_id"] == "resp_b"
    assert await input_ids(api, "a") == ["1"]
    assert (await store.import_response(turns[1])).kind == "forgotten"


async def test_nothing_of_a_deleted_response_is_left(
    store: Store, api: httpx2.AsyncClient, kept: Kept
) -> None:
    secret = "an erased secret " * 50
    told = replace(
        turn("a", "1"),
        input=[message("user", secret)],
        output=[message("assistant", secret)],
        metadata={"title": secret[:100]},
        fields={"instructions": secret},
    )
    await bring_in(store, told)
    before = await kept()
    await api.delete("/responses/resp_a")
    assert (secret.encode() in before, b"an erased secret" in await kept()) == (True, False)


async def test_a_circle_of_responses_ends(store: Store, api: httpx2.AsyncClient) -> None:
    await bring_in(store, turn("a", "1", after="b"), turn("b", "2", after="a"))
    assert await input_ids(api, "a", order="asc") == ["2", "b", "1"]


async def test_a_reference_stands_for_an_item_of_the_history(
    store: Store, api: httpx2.AsyncClient
) -> None:
    known: Json = {"type": "item_reference", "id": "msg_1"}
    unknown: Json = {"type": "item_reference", "id": "msg_9"}
    second = replace(turn("b", after="a"), input=[known, unknown])
    await bring_in(store, turn("a", "1"), second)
    listed = await page(api, "/responses/resp_b/input_items", order="asc")
    assert [(item["id"], item["type"]) for item in listed["data"]] == [
        *(("msg_1", "message"), ("msg_a", "message"), ("msg_9", "item_reference")),
    ]
    assert [each.input async for each in store.export_responses()][1] == [known, unknown]


async def test_an_item_that_is_sent_twice_is_kept_once_unless_it_differs(store: Store) -> None:
    item = message("user", "a", "msg_1")
    twice = replace(RESPONSE, input=[item, item])
    assert (await store.import_response(twice)).added == 3
    with pytest.raises(StoreError, match="two of its items have the same id"):
        await store.import_response(
            replace(twice, key="s", id=None, input=[item, message("user", "b", "msg_1")])
        )
    with pytest.raises(StoreError, match=r"'items\[0\].content'"):
        await store.import_response(replace(twice, key="s", id=None, input=[{"role": "user"}]))


async def test_a_deleted_conversation_leaves_its_responses(
    store: Store, api: httpx2.AsyncClient
) -> None:
    item = ImportedItem(message("user", "Look out.", "msg_1"))
    await store.import_conversation(
        ImportedConversation(key="v", id="conv_1", created_at=1, items=[item])
    )
    await bring_in(store, RESPONSE)
    await api.delete("/conversations/conv_1")
    [left] = (await page(api, "/responses", conversation_id="conv_1"))["data"]
    assert (left["id"], left["conversation"]) == ("resp_1", {"id": "conv_1"})
    assert len((await page(api, "/responses/resp_1/input_items"))["data"]) == 1


async def test_its_messages_are_found_until_it_is_deleted(
    store: Store, api: httpx2.AsyncClient
) -> None:
    titled = replace(turn("a", "lantern"), metadata={"title": "Harbour"})
    await bring_in(store, titled, turn("b", "lantern", after="a"))

    async def hits(query: str, **params: str) -> list[tuple[str, str, str, str | None]]:
        found = await page(api, "/search", query=query, order="oldest", **params)
        return [(hit["thread_id"], hit["id"], hit["role"], hit["title"]) for hit in found["data"]]

    first = ("resp_a", "msg_lantern", "user", "Harbour")
    second = ("resp_b", "msg_lantern", "user", None)
    assert await hits("lantern") == [first, second]
    assert await hits("lantern", thread_id="resp_b") == [second]
    assert await hits("harbour") == [first]
    assert await hits('"b"') == [("resp_b", "msg_b", "assistant", None)]
    await api.delete("/responses/resp_a")
    assert await hits("lantern harbour") == [second]
    unknown = await api.get("/search?query=a&thread_id=resp_a")
    assert error(unknown, 404)["message"] == (
        "No thread, conversation, chat completion or response found with id 'resp_a'."
    )


@on_one_engine
@settings(examples_share_a_store, max_examples=settings().max_examples // 4)
@given(data=st.data(), order=st.sampled_from(["asc", "desc"]), limit=st.integers(1, 4))
async def test_a_walk_through_a_chain_yields_what_stays_once_while_responses_are_deleted(
    store: Store, api: httpx2.AsyncClient, data: st.DataObject, order: str, limit: int
) -> None:
    prefix = f"w{next(_number)}-"
    turns = 5
    names = [f"{prefix}{number}" for number in range(turns)]
    texts = [f"{prefix}t{number}" for number in range(turns)]
    contents: list[list[str]] = []
    for number, name in enumerate(names):
        again = data.draw(st.lists(st.sampled_from(texts[: number + 1]), unique=True, max_size=3))
        own = [*(text for text in again if text != texts[number]), texts[number]]
        contents.append([*own, name])
        await bring_in(store, turn(name, *own, after=names[number - 1] if number else None))
    last = names[-1]
    contents[-1].remove(last)
    whole = list(dict.fromkeys(each for content in contents for each in content))
    assert await input_ids(api, last, order="asc", limit=100) == whole
    oldest = 0  # of the chain, after deletes
    walked: list[str] = []
    params: dict[str, str | int] = {"limit": limit, "order": order}
    for _ in range(40):
        listed = await page(api, f"/responses/resp_{last}/input_items", **params)
        walked += [item["id"].removeprefix("msg_") for item in listed["data"]]
        if not listed["has_more"]:
            break
        params["after"] = listed["last_id"]
        doomed = data.draw(st.integers(0, turns - 2))
        if data.draw(st.booleans()) and doomed >= oldest:
            await api.delete(f"/responses/resp_{names[doomed]}")
            oldest = doomed + 1
    stays = {each for content in contents[oldest:] for each in content}
    assert len(walked) == len(set(walked))
    expected = [each for each in whole if each in stays]
    found = [each for each in walked if each in stays]
    assert found == (expected if order == "asc" else expected[::-1])
