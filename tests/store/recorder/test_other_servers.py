"""Recorders in front of model servers that others wrote."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest

from tests.models.process import aimock, llama_cpp
from tests.store.recorder.recording import (
    asked,
    chunks_of,
    completed,
    events_of,
    recording_of,
    responded,
    texts,
    without,
)

GREEDY: dict[str, Any] = {"model": "tiny", "temperature": 0}


@pytest.fixture
async def llama() -> AsyncIterator[openai.AsyncOpenAI]:
    async with llama_cpp() as server, recording_of(server.url) as client:
        yield client


@pytest.fixture
async def mock() -> AsyncIterator[openai.AsyncOpenAI]:
    async with aimock() as server, recording_of(server.url) as client:
        yield client


async def test_a_completion_of_llama_cpp_is_kept(llama: openai.AsyncOpenAI) -> None:
    request = {**GREEDY, "max_tokens": 8, "messages": asked("hi"), "store": True}
    whole = await completed(llama, **request)
    chunks = await chunks_of(llama, **request)
    kept = [await llama.chat.completions.retrieve(each) for each in (whole.id, chunks[0]["id"])]
    said = "".join(
        chunk["choices"][0]["delta"]["content"] or "" for chunk in chunks if chunk["choices"]
    )
    assert [each.choices[0].message.content for each in kept] == 2 * [said]
    assert said == whole.choices[0].message.content


async def test_a_chain_of_responses_is_kept_although_llama_cpp_keeps_none(
    llama: openai.AsyncOpenAI,
) -> None:
    request = {**GREEDY, "max_output_tokens": 8, "store": True}
    first = await responded(llama, **request, input="one")
    second = await responded(
        llama, **request, input="two", previous_response_id=first.id, stream=True
    )
    kept = await llama.responses.retrieve(second.id)
    items = await llama.responses.input_items.list(second.id, order="asc")
    assert kept.output_text == second.output_text
    assert kept.previous_response_id == first.id
    assert texts(items.data) == ["one", first.output_text, "two"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["hello", "weather", "think"])
async def test_what_aimock_answers_is_kept(
    mock: openai.AsyncOpenAI, text: str, *, stream: bool
) -> None:
    response = await responded(mock, input=text, stream=stream)
    kept = await mock.responses.retrieve(response.id)
    completion = await completed(mock, model="m", messages=asked(text), store=True)
    kept_completion = await mock.chat.completions.retrieve(completion.id)
    assert without(kept.output) == without(response.output)
    assert kept_completion.choices == completion.choices


async def test_an_error_of_aimock_is_passed_on(mock: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.RateLimitError, match="Too many requests"):
        await responded(mock, input="fail")


async def test_a_response_in_the_background_is_run_by_llama_cpp_although_it_keeps_none(
    llama: openai.AsyncOpenAI,
) -> None:
    request = {**GREEDY, "max_output_tokens": 8, "background": True}
    events = await events_of(llama, **request, input="one")
    kept = await llama.responses.retrieve(events[-1]["response"]["id"])
    again = await llama.responses.retrieve(kept.id, stream=True, starting_after=2)
    rest = [event.model_dump() async for event in again]
    said = "".join(
        event["delta"] for event in events if event["type"] == "response.output_text.delta"
    )
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert rest == events[3:]
    assert (kept.status, kept.background) == ("completed", True)
    assert kept.output_text == said


@pytest.mark.parametrize("text", ["hello", "weather", "think"])
async def test_a_response_in_the_background_is_run_by_aimock(
    mock: openai.AsyncOpenAI, text: str
) -> None:
    asked_for = await responded(mock, input=text)
    events = await events_of(mock, input=text, background=True)
    kept = await mock.responses.retrieve(events[-1]["response"]["id"])
    assert events[-1]["type"] == "response.completed"
    assert without(kept.output, "id", "call_id") == without(asked_for.output, "id", "call_id")
    with pytest.raises(openai.BadRequestError, match="ended already"):
        await mock.responses.cancel(kept.id)


async def test_an_error_of_aimock_ends_a_response_in_the_background(
    mock: openai.AsyncOpenAI,
) -> None:
    events = await events_of(mock, input="fail", background=True)
    failed = events[-1]["response"]
    assert (events[-1]["type"], failed["status"]) == ("response.failed", "failed")
    assert "Too many requests" in failed["error"]["message"]
    assert (await mock.responses.retrieve(failed["id"])).status == "failed"
