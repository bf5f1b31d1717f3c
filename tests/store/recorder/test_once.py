"""An idempotency key gets the recorded answer again, and the model is asked once."""

from typing import Any

import httpx2
import openai
import pytest

from tests.loopback import NO_TLS
from tests.models.dialects import VLLM
from tests.store.recorder.recording import (
    Recording,
    asked,
    chunks_of,
    completed,
    events_of,
    recording,
    responded,
    texts,
)

KEY = {"Idempotency-Key": "once"}
TEXT = '/reason Think.\n/call weather {"city": "Oslo"}\n/say One two three.'
COMPLETION: dict[str, Any] = {
    "model": "m",
    "messages": asked(TEXT),
    "store": True,
    "n": 2,
    "extra_headers": KEY,
}


def joined(chunks: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return the text, the calls' arguments and the end of each choice, as a client joins them."""
    choices: dict[int, list[str]] = {}
    for part in (choice for chunk in chunks for choice in chunk["choices"]):
        found = choices.setdefault(part["index"], ["", "", ""])
        found[0] += part["delta"]["content"] or ""
        for call in part["delta"]["tool_calls"] or ():
            found[1] += call["function"]["arguments"] or ""
        found[2] = part["finish_reason"] or found[2]
    return [(text, arguments, reason) for text, arguments, reason in choices.values()]


@pytest.mark.parametrize("first_streams", [False, True])
async def test_a_retried_completion_is_the_recorded_one(
    here: Recording, *, first_streams: bool
) -> None:
    if first_streams:
        chunks = await chunks_of(here.client, **COMPLETION)
        whole = await completed(here.client, **COMPLETION)
    else:
        whole = await completed(here.client, **COMPLETION)
        chunks = await chunks_of(here.client, **COMPLETION)
    again = await chunks_of(here.client, **COMPLETION, stream_options={"include_usage": True})
    assert len(await here.model.asked()) == 1
    said = [("One two three.", '{"city": "Oslo"}', "tool_calls")]
    assert joined(chunks) == joined(again) == [*said, ("One two three. (1)", *said[0][1:])]
    assert {chunk["id"] for chunk in (*chunks, *again)} == {whole.id}
    assert again[-1]["usage"] == (whole.usage.model_dump() if whole.usage else None)
    assert again[-1]["choices"] == []


@pytest.mark.parametrize("first_streams", [False, True])
async def test_a_retried_response_is_the_recorded_one(
    here: Recording, *, first_streams: bool
) -> None:
    request: dict[str, Any] = {"input": TEXT, "extra_headers": KEY}
    first = await responded(here.client, **request, stream=first_streams)
    again = await responded(here.client, **request)
    events = await events_of(here.client, **request)
    assert len(await here.model.asked()) == 1
    assert again.model_dump() == first.model_dump() == events[-1]["response"]
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert done == again.model_dump()["output"]


async def test_a_retry_continues_a_conversation_once(here: Recording) -> None:
    conversation = await here.client.conversations.create()
    for _ in range(3):
        await responded(here.client, input="one", conversation=conversation.id, extra_headers=KEY)
    items = await here.client.conversations.items.list(conversation.id, order="asc")
    assert texts(items.data) == ["one", "You said: one"]


async def test_a_retry_says_that_it_is_one(here: Recording) -> None:
    body = {"model": "m", "input": "Hello"}
    async with httpx2.AsyncClient(base_url=here.url, verify=NO_TLS, headers=KEY) as http:
        first = await http.post("/responses", json=body)
        again = await http.post("/responses", json=body)
    headers = [reply.headers.get("idempotent-replayed") for reply in (first, again)]
    assert headers == [None, "true"]
    assert again.json() == first.json()


async def test_another_request_with_the_key_is_refused(here: Recording) -> None:
    await responded(here.client, input="one", extra_headers=KEY)
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        await responded(here.client, input="two", extra_headers=KEY)
    assert refused.value.code == "idempotency_key_reused"
    assert len(await here.model.asked()) == 1


async def test_a_retry_while_the_first_runs_is_refused_and_succeeds_later(here: Recording) -> None:
    request: dict[str, Any] = {"input": "/pause 0.05\n/say a b c d e f", "extra_headers": KEY}
    stream = await here.client.responses.create(model="m", stream=True, **request)
    events = aiter(stream)
    await anext(events)
    with pytest.raises(openai.ConflictError) as refused:
        await responded(here.client, **request)
    last = [event async for event in events][-1]
    again = await responded(here.client, **request)
    assert refused.value.code == "idempotency_key_in_use"
    assert refused.value.response.headers["retry-after"] == "1"
    assert last.type == "response.completed"
    assert again.id == last.response.id
    assert len(await here.model.asked()) == 1


async def test_an_answer_goes_on_for_a_retry_although_its_caller_hangs_up() -> None:
    request: dict[str, Any] = {"input": "/pause 0.02\n/say a b c d e f", "extra_headers": KEY}
    async with recording(VLLM) as here:
        stream = await here.client.responses.create(model="m", stream=True, **request)
        await anext(aiter(stream))
        await stream.close()
        retrying = here.client.with_options(max_retries=20)
        again = await responded(retrying, **request)
        assert again.status == "completed"
        assert again.output_text == "a b c d e f"
        assert len(await here.model.asked()) == 1


@pytest.mark.parametrize("text", ["/error 500 No.", "/cut 3", "/error-inside 3 No."])
async def test_an_answer_that_failed_is_asked_for_again(here: Recording, text: str) -> None:
    request: dict[str, Any] = {"input": text, "stream": True, "extra_headers": KEY}
    for _ in range(2):
        try:
            found = await responded(here.client, **request)
        except openai.APIError:
            continue
        assert found.status == "failed"
    assert len(await here.model.asked()) == 2


async def test_a_key_repeats_nothing_that_is_not_kept(here: Recording) -> None:
    for _ in range(2):
        await responded(here.client, input="one", store=False, extra_headers=KEY)
    assert len(await here.model.asked()) == 2
