"""What a server of the Responses API keeps, shows, cancels and deletes: store, background, stream.

Source: the published behaviour contract of Azure AI Foundry's agent server, in our own words. Where
it and OpenAI's API differ, docs/recorder.md says what the recorder does.
"""

import itertools
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from tests.store.recorder.recording import (
    JSON,
    Recording,
    ended,
    listed,
    responded,
    texts,
)

SLOW = "/pause 0.01\n/say " + "a " * 5_000
COMBINATIONS = list(itertools.product([False, True], repeat=3))


async def refused(answering: Any) -> tuple[int, str | None]:  # noqa: ANN401 - any request
    """Return the status and the code of an error."""
    with pytest.raises(openai.APIStatusError) as error:
        await answering
    return error.value.status_code, error.value.code


@pytest.mark.parametrize(("store", "background", "stream"), COMBINATIONS)
async def test_a_response_is_created_and_can_be_read_back_if_it_is_stored(
    here: Recording, *, store: bool, background: bool, stream: bool
) -> None:
    request: JSON = {"input": "Hello", "store": store, "background": background, "stream": stream}
    if background and not store:
        assert await refused(responded(here.client, **request)) == (400, "unsupported_parameter")
        return
    found = await responded(here.client, **request)
    if not store:
        assert found.output_text == "You said: Hello"
        assert await refused(here.client.responses.retrieve(found.id)) == (404, None)
        return
    last = await ended(here.client, found.id)
    assert (last.id, last.status, last.background) == (found.id, "completed", background)
    assert last.output_text == "You said: Hello"
    assert (last.error, last.incomplete_details, last.instructions) == (None, None, None)
    assert found == last or (found.status == "queued" and background and not stream)


@pytest.mark.parametrize("background", [False, True])
async def test_a_stream_begins_with_created_and_ends_with_one_last_event(
    here: Recording, *, background: bool
) -> None:
    stream = await here.client.responses.create(
        model="m", input="/say a b c", background=background, stream=True
    )
    events = [event async for event in stream]
    kinds = [event.type for event in events]
    begin = ["response.created", *(["response.queued"] if background else [])]
    assert kinds[: len(begin) + 1] == [*begin, "response.in_progress"]
    assert [each for each in kinds if each in {"response.completed", "response.failed"}] == [
        kinds[-1]
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    said = "".join(each.delta for each in events if each.type == "response.output_text.delta")
    assert said == "a b c"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_response_that_runs_is_there_only_if_it_runs_in_the_background(
    here: Recording, *, stream: bool
) -> None:
    running = await here.client.responses.create(model="m", input=SLOW, stream=True)
    first = await anext(aiter(running))
    assert first.type == "response.created"
    assert await refused(here.client.responses.retrieve(first.response.id)) == (404, None)
    await running.close()

    created = await here.client.responses.create(
        model="m", input=SLOW, background=True, stream=stream
    )
    if isinstance(created, Response):
        response_id = created.id
    else:
        event = await anext(aiter(created))
        assert event.type == "response.created"
        response_id = event.response.id
        await created.close()
    found = await here.client.responses.retrieve(response_id)
    assert found.status in {"queued", "in_progress"}
    assert (await here.client.responses.cancel(response_id)).status == "cancelled"


@pytest.mark.parametrize("status", ["completed", "failed", "incomplete"])
async def test_only_what_runs_is_cancelled(here: Recording, status: str) -> None:
    text = {"completed": "Hello", "failed": "/error 500 No.", "incomplete": "/stop 4\n/say a b"}
    found = await responded(here.client, input=text[status], background=True)
    last = await ended(here.client, found.id)
    assert last.status == status
    cancelling = here.client.responses.cancel(found.id)
    assert await refused(cancelling) == (400, "not_cancellable")
    assert await here.client.responses.retrieve(found.id) == last


async def test_cancelling_again_returns_the_same_response(here: Recording) -> None:
    found = await responded(here.client, input=SLOW, background=True)
    cancelled = [await here.client.responses.cancel(found.id) for _ in range(3)]
    assert cancelled[0].status == "cancelled"
    assert cancelled[0].output == []
    assert cancelled[1:] == cancelled[:1] * 2


@pytest.mark.parametrize("background", [False, True])
async def test_a_deleted_response_is_gone_and_later_turns_lose_what_came_before(
    here: Recording, *, background: bool
) -> None:
    one = await responded(here.client, input="one", background=background)
    await ended(here.client, one.id)
    two = await responded(
        here.client, input="two", background=background, previous_response_id=one.id
    )
    await ended(here.client, two.id)
    await here.client.responses.delete(one.id)
    for asking in (
        here.client.responses.retrieve(one.id),
        here.client.responses.retrieve(one.id, stream=True),
        here.client.responses.input_items.list(one.id),
        here.client.responses.cancel(one.id),
        here.client.responses.delete(one.id),
    ):
        assert await refused(asking) == (404, None)
    items = await here.client.responses.input_items.list(two.id, order="asc")
    assert texts(items.data) == ["two"]
    assert (await here.client.responses.retrieve(two.id)).previous_response_id == one.id
    later = responded(here.client, input="three", previous_response_id=one.id)
    assert await refused(later) == (400, "previous_response_not_found")


async def test_a_response_in_the_background_is_continued_once_it_has_ended(
    here: Recording,
) -> None:
    running = await responded(here.client, input=SLOW, background=True)
    early = responded(here.client, input="two", previous_response_id=running.id)
    assert await refused(early) == (400, "previous_response_in_progress")
    await here.client.responses.cancel(running.id)
    one = await responded(here.client, input="one", background=True)
    await ended(here.client, one.id)
    await responded(here.client, input="two", previous_response_id=one.id)
    sent = (await here.model.last())["body"]
    assert texts(sent["input"]) == ["one", "You said: one", "two"]


@pytest.mark.parametrize("limit", [0, 101])
async def test_a_page_of_the_input_has_from_1_to_100_items(here: Recording, limit: int) -> None:
    found = await responded(here.client, input="one")
    listing = here.client.responses.input_items.list(found.id, limit=limit)
    with pytest.raises(openai.BadRequestError, match="limit"):
        await listing


async def test_messages_need_no_type_and_unknown_parameters_are_passed_on(
    here: Recording,
) -> None:
    given = [{"role": "user", "content": "one"}]
    found = await responded(here.client, input=given, extra_body={"unheard_of": 1})
    sent = (await here.model.last())["body"]
    (kept,) = await listed(here.client, "/responses")
    assert sent["unheard_of"] == 1
    assert kept["id"] == found.id
    items = await here.client.responses.input_items.list(found.id)
    assert texts(items.data) == ["one"]
