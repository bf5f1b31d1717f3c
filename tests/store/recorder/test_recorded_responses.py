"""Responses through the recorder, with the official client: the same, and read back."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.models.dialects import DIALECTS, OLLAMA, Dialect
from tests.store.recorder.recording import (
    Recording,
    events_of,
    listed,
    recording,
    responded,
    texts,
    without,
)
from tests.store.recorder.requests import RESPONSES

NOT_SAME = ("id", "item_id", "store")
"""Ids are those of the server's next answer; `store` is what the caller asked for."""

TOOLS = [{"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}]


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
async def test_a_streamed_response_is_the_same_events_and_can_be_read_back(
    dialect: Dialect,
) -> None:
    text = "/reason Think.\n/say One two three."
    async with recording(dialect) as here:
        direct = await events_of(here.direct, input=text)
        events = await events_of(here.client, input=text)
        assert without(events, *NOT_SAME, "call_id") == without(direct, *NOT_SAME, "call_id")
        response_id = events[-1]["response"]["id"]
        kept = await here.client.responses.retrieve(response_id)
        items = await here.client.responses.input_items.list(response_id)
    assert {event["response"]["id"] for event in events if "response" in event} == {response_id}
    assert kept.output_text == "One two three."
    assert [item.type for item in kept.output] == ["reasoning", "message"]
    assert [without(item, "id") for item in items.data] == [
        {
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": text, "prompt_cache_breakpoint": None}],
        }
    ]


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
async def test_a_response_that_is_not_streamed_is_the_same_and_can_be_read_back(
    dialect: Dialect,
) -> None:
    async with recording(dialect) as here:
        direct = await responded(here.direct, input="Hello")
        found = await responded(here.client, input="Hello", metadata={"a": "b"})
        kept = await here.client.responses.retrieve(found.id)
        page = await listed(here.client, "/responses")
    assert without(found, *NOT_SAME, "metadata") == without(direct, *NOT_SAME, "metadata")
    assert without(kept) == without(found)
    assert [each["id"] for each in page] == [found.id]


@pytest.mark.parametrize("name", RESPONSES)
async def test_each_kind_of_answer_is_the_same(here: Recording, name: str) -> None:
    request, names = RESPONSES[name], (*NOT_SAME, "call_id")
    whole = [await responded(client, **request) for client in (here.direct, here.client)]
    events = [await events_of(client, **request) for client in (here.direct, here.client)]
    assert without(whole[1], *names) == without(whole[0], *names)
    assert without(events[1], *names) == without(events[0], *names)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_of_a_tool_and_its_output_are_kept(here: Recording, *, stream: bool) -> None:
    request: dict[str, Any] = {"input": '/call weather {"city": "Oslo"}', "tools": TOOLS}
    if stream:
        response_id = (await events_of(here.client, **request))[-1]["response"]["id"]
    else:
        response_id = (await responded(here.client, model="m", **request)).id
    kept = await here.client.responses.retrieve(response_id)
    call = kept.output[0]
    assert call.type == "function_call"
    assert (call.name, call.arguments) == ("weather", '{"city": "Oslo"}')
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "9 degrees"}
    answer = await responded(here.client, input=[output], previous_response_id=response_id)
    assert answer.output_text == "The tools said: 9 degrees"
    items = await here.client.responses.input_items.list(answer.id, order="asc")
    assert [item.type for item in items.data] == [
        "message",
        "function_call",
        "function_call_output",
    ]


class City(BaseModel):
    """What structured output asks for."""

    name: str


async def test_structured_output_is_parsed_and_kept(here: Recording) -> None:
    found = await here.client.responses.parse(input="Which?", text_format=City)
    kept = await here.client.responses.retrieve(found.id)
    assert found.output_parsed == City(name="text")
    assert kept.output_text == found.output_text


async def test_an_image_is_kept_with_the_question(here: Recording) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    content = [{"type": "input_text", "text": "What is it?"}, image]
    found = await responded(here.client, input=[{"role": "user", "content": content}])
    items = await here.client.responses.input_items.list(found.id)
    assert found.output_text == "You said: What is it? (with images: 1)"
    (item,) = items.data
    assert item.type == "message"
    kept = [part.model_dump(exclude_none=True) for part in item.content]
    assert kept == [content[0], {**image, "detail": "auto"}]


@pytest.mark.parametrize(
    ("record", "store", "is_kept"),
    [
        ("api", None, True),
        ("api", True, True),
        ("api", False, False),
        ("all", False, True),
        ("none", None, False),
    ],
)
async def test_what_is_kept_is_what_the_operator_chose(
    record: str, store: bool | None, *, is_kept: bool
) -> None:
    request: dict[str, Any] = {"input": "Hello"} | ({} if store is None else {"store": store})
    async with recording(record=record) as here:
        found = await responded(here.client, model="m", **request)
        if is_kept:
            assert (await here.client.responses.retrieve(found.id)).id == found.id
        else:
            with pytest.raises(openai.NotFoundError):
                await here.client.responses.retrieve(found.id)
        sent = await here.model.last()
    assert sent["body"] == {"model": "m", "input": "Hello"} | (
        {"store": False} if store is False else {}
    )


async def test_ids_that_a_server_uses_again_are_replaced_and_no_item_is_lost() -> None:
    async with recording(OLLAMA) as here:
        found = [await responded(here.client, input="0")]
        for number in range(1, 6):
            found.append(
                await responded(here.client, input=str(number), previous_response_id=found[-1].id)
            )
        items = await here.client.responses.input_items.list(found[-1].id, order="asc", limit=100)
    assert len({each.id for each in found}) == len(found)
    assert texts(items.data) == [
        *(text for number in range(5) for text in (str(number), f"You said: {number}")),
        "5",
    ]


async def test_a_response_is_deleted_with_its_answer_to_a_retry(here: Recording) -> None:
    key = {"Idempotency-Key": "once"}
    found = await responded(here.client, input="Hello", extra_headers=key)
    await here.client.responses.delete(found.id)
    with pytest.raises(openai.NotFoundError):
        await here.client.responses.retrieve(found.id)
    with pytest.raises(openai.APIStatusError) as gone:
        await responded(here.client, input="Hello", extra_headers=key)
    assert (gone.value.status_code, gone.value.code) == (410, "idempotent_object_deleted")


async def test_input_that_cannot_be_kept_is_refused_before_the_model_is_asked(
    here: Recording,
) -> None:
    twice = [{"type": "message", "id": "msg_1", "role": "user", "content": text} for text in "ab"]
    with pytest.raises(openai.BadRequestError, match="two of its items have the same id"):
        await responded(here.client, input=twice)
    assert await here.model.asked() == []
