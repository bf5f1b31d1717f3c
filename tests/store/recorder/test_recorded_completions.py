"""Chat completions through the recorder, with the official client: the same, and read back."""

from typing import Any

import openai
import pytest
from openai.lib.streaming.chat import ContentDoneEvent
from openai.types.chat import ChatCompletionFunctionToolParam
from pydantic import BaseModel

from tests.models.dialects import DIALECTS, OLLAMA, OPENAI, Dialect
from tests.store.recorder.recording import (
    Recording,
    asked,
    chunks_of,
    completed,
    listed,
    recording,
    without,
)
from tests.store.recorder.requests import COMPLETIONS

STORED: dict[str, Any] = {"model": "m", "store": True}
TOOLS: list[ChatCompletionFunctionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    for name in ("weather", "time")
]


def joined(chunks: list[dict[str, Any]], index: int = 0) -> str:
    """Return the text of a choice, as a client joins it."""
    parts = (choice for chunk in chunks for choice in chunk["choices"] or ())
    return "".join(
        (part["delta"] or {}).get("content") or "" for part in parts if part["index"] == index
    )


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
async def test_a_streamed_completion_is_the_same_chunks_and_can_be_read_back(
    dialect: Dialect,
) -> None:
    request = {**STORED, "messages": asked("/reason Think.\n/say One two three.")}
    async with recording(dialect) as here:
        direct = await chunks_of(here.direct, **request)
        chunks = await chunks_of(here.client, **request)
        assert without(chunks, "id") == without(direct, "id")
        (completion_id,) = {chunk["id"] for chunk in chunks} - {""}
        kept = await here.client.chat.completions.retrieve(completion_id)
        messages = await here.client.chat.completions.messages.list(completion_id)
    assert kept.choices[0].message.content == joined(chunks) == "One two three."
    assert kept.model == "m"
    assert [each.content for each in messages.data] == [
        "/reason Think.\n/say One two three.",
        "One two three.",
    ]


@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
async def test_a_completion_that_is_not_streamed_is_the_same_and_can_be_read_back(
    dialect: Dialect,
) -> None:
    request = {**STORED, "messages": asked("/say One two three.")}
    async with recording(dialect) as here:
        direct = await completed(here.direct, **request)
        found = await completed(here.client, **request)
        kept = await here.client.chat.completions.retrieve(found.id)
    assert without(found, "id") == without(direct, "id")
    assert without(kept, "metadata") == without(found, "metadata")


@pytest.mark.parametrize("name", COMPLETIONS)
async def test_each_kind_of_answer_is_the_same(here: Recording, name: str) -> None:
    request = {**STORED, **COMPLETIONS[name]}
    whole = [await completed(client, **request) for client in (here.direct, here.client)]
    chunks = [await chunks_of(client, **request) for client in (here.direct, here.client)]
    assert without(whole[1], "id") == without(whole[0], "id")
    assert without(chunks[1], "id") == without(chunks[0], "id")


@pytest.mark.parametrize("stream", [False, True])
async def test_three_choices_with_two_calls_of_tools_each_are_kept(*, stream: bool) -> None:
    text = '/call weather {"city": "Oslo"}\n/call time {"city": "Rome"}'
    request = {**STORED, "messages": asked(text), "tools": TOOLS, "n": 3, "metadata": {"a": "b"}}
    async with recording() as here:
        if stream:
            completion_id = (await chunks_of(here.client, **request))[0]["id"]
        else:
            completion_id = (await completed(here.client, **request)).id
        kept = await here.client.chat.completions.retrieve(completion_id)
        listed = await here.client.chat.completions.list(metadata={"a": "b"})
    calls = [
        [
            (call["function"]["name"], call["function"]["arguments"])
            for call in choice.message.model_dump()["tool_calls"]
        ]
        for choice in kept.choices
    ]
    assert calls == 3 * [[("weather", '{"city": "Oslo"}'), ("time", '{"city": "Rome"}')]]
    assert [choice.finish_reason for choice in kept.choices] == 3 * ["tool_calls"]
    assert [each.id for each in listed.data] == [completion_id]


async def test_the_usage_after_the_last_choice_is_kept() -> None:
    request = {**STORED, "messages": asked("Hello"), "stream_options": {"include_usage": True}}
    async with recording() as here:
        chunks = await chunks_of(here.client, **request)
        kept = await here.client.chat.completions.retrieve(chunks[0]["id"])
    assert kept.usage is not None
    assert kept.usage.model_dump() == chunks[-1]["usage"]


class City(BaseModel):
    """What structured output asks for."""

    name: str
    people: int


async def test_structured_output_is_parsed_and_kept() -> None:
    async with recording() as here:
        found = await here.client.chat.completions.parse(
            **STORED, messages=asked("Which?"), response_format=City
        )
        kept = await here.client.chat.completions.retrieve(found.id)
        async with here.client.chat.completions.stream(
            model="m", messages=asked("Which?"), response_format=City
        ) as stream:
            done = [event.parsed async for event in stream if isinstance(event, ContentDoneEvent)]
    assert found.choices[0].message.parsed == City(name="text", people=1) == done[0]
    assert kept.choices[0].message.content == found.choices[0].message.content


async def test_an_image_is_kept_with_the_question() -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    async with recording() as here:
        found = await completed(
            here.client, **STORED, messages=[{"role": "user", "content": content}]
        )
        messages = await here.client.chat.completions.messages.list(found.id)
    assert found.choices[0].message.content == "You said: What is it? (with images: 1)"
    parts = messages.data[0].content_parts or []
    assert [part.model_dump(exclude_none=True) for part in parts] == content


@pytest.mark.parametrize(
    ("record", "store", "is_kept"),
    [
        ("api", None, False),
        ("api", False, False),
        ("api", True, True),
        ("best-effort", True, True),
        ("best-effort", None, False),
        ("all", None, True),
        ("all", False, True),
        ("none", None, False),
        ("none", False, False),
    ],
)
async def test_what_is_kept_is_what_the_operator_chose(
    record: str, store: bool | None, *, is_kept: bool
) -> None:
    request: dict[str, Any] = {"model": "m", "messages": asked("Hello")}
    if store is not None:
        request["store"] = store
    async with recording(record=record) as here:
        await completed(here.client, **request)
        await chunks_of(here.client, **request)
        listed = await here.client.chat.completions.list()
        sent = await here.model.last()
    assert len(listed.data) == (2 if is_kept else 0)
    assert sent["body"].get("store") is (False if store is False else None)


async def test_nothing_is_sent_if_nothing_may_be_kept_and_the_caller_asks_for_it() -> None:
    async with recording(record="none") as here:
        with pytest.raises(openai.BadRequestError, match="BACKSCROLL_RECORD is none") as refused:
            await completed(here.client, **STORED, messages=asked("Hello"))
        assert await here.model.asked() == []
    assert (refused.value.param, refused.value.code) == ("store", "unsupported_value")


async def test_ids_that_a_server_uses_again_are_replaced_in_every_chunk() -> None:
    request = {**STORED, "messages": asked("Hello")}
    async with recording(OLLAMA) as here:
        streams = [await chunks_of(here.client, **request) for _ in range(6)]
        whole = [await completed(here.client, **request) for _ in range(4)]
        listed = await here.client.chat.completions.list(limit=20)
    ids = [{chunk["id"] for chunk in chunks} for chunks in streams]
    assert [len(each) for each in ids] == 6 * [1]
    assert {each.id for each in listed.data} == set.union(*ids) | {each.id for each in whole}
    assert len(listed.data) == 10


async def test_search_finds_what_was_recorded() -> None:
    async with recording() as here:
        found = await completed(
            here.client, **STORED, messages=asked("/say The heron stands in the reeds.")
        )
        hits = await listed(here.client, "/search?query=heron")
    assert {hit["thread_id"] for hit in hits} == {found.id}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_of_the_model_server_is_passed_on_and_nothing_is_kept(
    status: int, kind: type[openai.APIStatusError], *, stream: bool
) -> None:
    request = {**STORED, "messages": asked(f"/error {status} No."), "stream": stream}
    async with recording() as here:
        with pytest.raises(kind) as direct:
            await completed(here.direct, **request)
        with pytest.raises(kind) as through:
            await completed(here.client, **request)
        listed = await here.client.chat.completions.list()
    assert through.value.body == direct.value.body
    names = ("retry-after", "retry-after-ms", "x-should-retry", "x-ratelimit-limit-requests")
    headers = [
        {name: each.value.response.headers.get(name) for name in names}
        for each in (through, direct)
    ]
    assert headers[0] == headers[1]
    assert listed.data == []


async def test_the_client_s_own_retries_reach_the_model() -> None:
    async with recording() as here:
        retrying = here.client.with_options(max_retries=2)
        found = await completed(
            retrying, **STORED, messages=asked("/error-once 503 Busy.\n/say Done.")
        )
        kept = await here.client.chat.completions.retrieve(found.id)
    assert kept.choices[0].message.content == "Done."


async def test_the_helper_that_assembles_a_stream_sees_what_is_kept(here: Recording) -> None:
    async with here.client.chat.completions.stream(
        **STORED, messages=asked('/call weather {"city": "Oslo"}'), tools=TOOLS
    ) as stream:
        final = await stream.get_final_completion()
    kept = await here.client.chat.completions.retrieve(final.id)
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert without(kept.choices[0].message.tool_calls) == without(
        calls, "parsed_arguments", "index"
    )


@pytest.mark.parametrize("metadata", [{"a": 1}, {"a": "x" * 513}])
async def test_metadata_that_cannot_be_kept_is_refused_before_the_model_is_asked(
    metadata: dict[str, Any],
) -> None:
    async with recording(OPENAI) as here:
        with pytest.raises(openai.BadRequestError) as refused:
            await completed(here.client, **STORED, messages=asked("Hello"), metadata=metadata)
        assert await here.model.asked() == []
    assert refused.value.param == "metadata.a"
