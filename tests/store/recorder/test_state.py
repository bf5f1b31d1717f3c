"""Earlier turns, which the store resolves for model servers that keep none."""

from typing import Any

import openai
import pytest

from tests.models.dialects import CODEX, LLAMA_CPP, OPENROUTER, VLLM, Dialect
from tests.store.recorder.recording import Recording, listed, recording, responded, texts

STATELESS = (VLLM, LLAMA_CPP, OPENROUTER, CODEX)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", STATELESS, ids=str)
async def test_a_stateless_server_gets_the_earlier_turns_themselves(
    dialect: Dialect, *, stream: bool
) -> None:
    async with recording(dialect) as here:
        first = await responded(here.client, input="one", instructions="Be brief.", store=True)
        answer = await responded(
            here.client, input="two", previous_response_id=first.id, stream=stream, store=True
        )
        sent = (await here.model.last())["body"]
        kept = await here.client.responses.retrieve(answer.id)
    assert texts(sent.pop("input")) == ["one", "You said: one", "two"]
    assert sent == {"model": "m", **({"stream": True} if stream else {"stream": False})}
    assert (answer.previous_response_id, kept.previous_response_id) == (first.id, first.id)
    assert kept.model_dump()["store"] is True
    assert kept.instructions is None


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_is_continued_and_gets_each_turn_once(*, stream: bool) -> None:
    async with recording(VLLM) as here:
        conversation = await here.client.conversations.create(
            items=[{"type": "message", "role": "developer", "content": "Be brief."}]
        )
        for text in ("one", "two"):
            answer = await responded(
                here.client, input=text, conversation=conversation.id, stream=stream
            )
            assert answer.conversation is not None
            assert answer.conversation.id == conversation.id
        sent = (await here.model.last())["body"]
        items = await here.client.conversations.items.list(conversation.id, order="asc")
        page = await listed(here.client, f"/responses?conversation_id={conversation.id}")
    said = ["Be brief.", "one", "You said: one", "two", "You said: two"]
    assert texts(sent["input"]) == said[:-1]
    assert "conversation" not in sent
    assert texts(items.data) == said
    assert len(page) == 2


async def test_a_conversation_is_only_read_by_a_response_that_is_not_kept(here: Recording) -> None:
    conversation = await here.client.conversations.create(
        items=[{"type": "message", "role": "user", "content": "one"}]
    )
    await responded(here.client, input="two", conversation=conversation.id, store=False)
    sent = (await here.model.last())["body"]
    items = await here.client.conversations.items.list(conversation.id)
    assert texts(sent["input"]) == ["one", "two"]
    assert len(items.data) == 1


async def test_a_failed_response_adds_nothing_to_its_conversation(here: Recording) -> None:
    conversation = await here.client.conversations.create()
    text = "/error-inside 4 No."
    with pytest.raises(openai.APIError):
        await responded(here.client, input=text, conversation=conversation.id, stream=True)
    items = await here.client.conversations.items.list(conversation.id)
    assert items.data == []


@pytest.mark.parametrize(
    ("continued", "status", "code", "param"),
    [
        (
            {"previous_response_id": "resp_unknown"},
            400,
            "previous_response_not_found",
            "previous_response_id",
        ),
        ({"conversation": "conv_unknown"}, 404, None, None),
        (
            {"previous_response_id": "resp_1", "conversation": "conv_1"},
            400,
            "mutually_exclusive_parameters",
            "previous_response_id",
        ),
    ],
)
async def test_what_the_store_does_not_have_is_refused_before_the_model_is_asked(
    here: Recording, continued: dict[str, str], status: int, code: str | None, param: str | None
) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        await responded(here.client, input="two", **continued)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert refused.value.param == param
    assert await here.model.asked() == []


async def test_an_item_reference_is_replaced_by_the_item(here: Recording) -> None:
    first = await responded(here.client, input="one", store=True)
    reference = {"type": "item_reference", "id": first.output[0].id}
    await responded(here.client, input=[reference, {"role": "user", "content": "two"}])
    sent = (await here.model.last())["body"]
    assert texts(sent["input"]) == ["You said: one", "two"]
    with pytest.raises(openai.NotFoundError, match="msg_unknown"):
        await responded(here.client, input=[{"type": "item_reference", "id": "msg_unknown"}])


async def test_a_deleted_response_ends_the_history(here: Recording) -> None:
    found = [await responded(here.client, input="one")]
    for text in ("two", "three"):
        previous = found[-1].id
        found.append(await responded(here.client, input=text, previous_response_id=previous))
    await here.client.responses.delete(found[1].id)
    await responded(here.client, input="four", previous_response_id=found[2].id)
    sent = (await here.model.last())["body"]
    assert texts(sent["input"]) == ["three", "You said: three", "four"]


@pytest.mark.parametrize("with_ids", [False, True])
async def test_a_history_that_a_client_sends_again_is_stored_once(
    here: Recording, *, with_ids: bool
) -> None:
    history: list[dict[str, Any]] = []
    answer = None
    for text in ("one", "two", "three", "four"):
        history.append({"role": "user", "content": text})
        answer = await responded(here.client, input=history)
        sent = (await here.model.last())["body"]
        assert sent["input"] == history
        output = [item.model_dump(exclude_none=True) for item in answer.output]
        history += [
            item if with_ids else {k: item[k] for k in ("role", "content")} for item in output
        ]
    assert answer is not None
    items = await here.client.responses.input_items.list(answer.id, order="asc", limit=100)
    hits = await listed(here.client, "/search?query=one")
    assert texts(items.data) == texts(history[:-1])
    assert answer.previous_response_id is None
    assert len(hits) == 2  # the question and the answer


async def test_a_server_that_keeps_responses_gets_requests_unchanged() -> None:
    async with recording(state="upstream") as here:
        first = await responded(here.client, input="one", store=True)
        request = {"model": "m", "input": "two", "previous_response_id": first.id, "store": True}
        answer = await responded(here.client, **request)
        sent = (await here.model.last())["body"]
        kept = await here.client.responses.retrieve(answer.id)
        items = await here.client.responses.input_items.list(answer.id, order="asc")
    assert sent == request
    assert (kept.id, kept.previous_response_id) == (answer.id, first.id)
    assert texts(items.data) == ["two"]  # this server leaves out the history


async def test_a_response_in_the_background_runs_at_a_server_that_keeps_it() -> None:
    async with recording(state="upstream") as here:
        begun = await responded(here.client, input="/say The heron.", background=True)
        copies = [each["status"] for each in await listed(here.client, "/responses")]
        while (now := await here.client.responses.retrieve(begun.id)).status != "completed":
            copies.append(str(now.status))
        (copy,) = await listed(here.client, "/responses")
        hits = await listed(here.client, "/search?query=heron")
        items = await here.client.responses.input_items.list(begun.id)
    assert begun.status == "queued"
    assert copies[0] == "queued"
    assert "completed" not in copies
    assert (copy["id"], copy["status"]) == (begun.id, "completed")
    assert copy["output"][0]["content"][0]["text"] == now.output_text == "The heron."
    assert {hit["thread_id"] for hit in hits} == {begun.id}
    assert texts(items.data) == ["/say The heron."]


async def test_a_response_in_the_background_is_cancelled_at_the_server() -> None:
    async with recording(state="upstream") as here:
        begun = await responded(here.client, input="one", background=True)
        cancelled = await here.client.responses.cancel(begun.id)
        (copy,) = await listed(here.client, "/responses")
    assert cancelled.status == "cancelled"
    assert (copy["id"], copy["status"], copy["output"]) == (begun.id, "cancelled", [])


async def test_a_response_that_the_server_no_longer_has_is_served_from_its_copy() -> None:
    async with recording(VLLM, state="upstream") as here:
        found = await responded(here.client, input="one")
        kept = await here.client.responses.retrieve(found.id)
        items = await here.client.responses.input_items.list(found.id)
        await here.client.responses.delete(found.id)
        with pytest.raises(openai.NotFoundError):
            await here.client.responses.retrieve(found.id)
    assert kept == found
    assert texts(items.data) == ["one"]


async def test_a_response_is_deleted_from_the_server_and_from_the_store() -> None:
    async with recording(state="upstream") as here:
        found = await responded(here.client, input="one")
        await here.client.responses.delete(found.id)
        asked = await here.model.asked()
        with pytest.raises(openai.NotFoundError):
            await here.client.responses.retrieve(found.id)
        assert await listed(here.client, "/responses") == []
    assert (asked[-1]["method"], asked[-1]["path"]) == ("DELETE", f"/v1/responses/{found.id}")


async def test_a_response_that_does_not_run_cannot_be_cancelled(here: Recording) -> None:
    found = await responded(here.client, input="one")
    with pytest.raises(openai.BadRequestError, match="in the background"):
        await here.client.responses.cancel(found.id)
    with pytest.raises(openai.NotFoundError):
        await here.client.responses.cancel("resp_unknown")


async def test_a_history_that_is_too_large_is_refused_before_the_model_is_asked() -> None:
    async with recording(VLLM, request_bytes=2_000) as here:
        first = await responded(here.client, input="/say short\n" + "x" * 1_500)
        with pytest.raises(openai.APIStatusError, match="more than 2000 bytes") as refused:
            await responded(here.client, input="y" * 500, previous_response_id=first.id)
        assert len(await here.model.asked()) == 1
    assert (refused.value.status_code, refused.value.code) == (413, "request_too_large")


async def test_a_conversation_that_is_deleted_while_the_model_answers_loses_no_answer(
    here: Recording,
) -> None:
    conversation = await here.client.conversations.create()
    stream = await here.client.responses.create(
        model="m", input="/say a b c\n/pause 0.01", conversation=conversation.id, stream=True
    )
    first = await anext(aiter(stream))
    await here.client.conversations.delete(conversation.id)
    last = [event async for event in stream][-1]
    (kept,) = await listed(here.client, "/responses")
    assert first.type == "response.created"
    assert last.type == "response.completed"
    assert last.response.output_text == "a b c"
    assert (kept["id"], kept["status"]) == (last.response.id, "completed")
