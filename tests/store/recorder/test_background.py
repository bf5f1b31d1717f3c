"""Responses in the background, which the recorder runs for model servers that keep nothing."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from backscroll.store.app import open_store
from backscroll.store.archive.records import Selection
from backscroll.store.recorder.assembling.response_stream import response_stream
from backscroll.store.recorder.model_server import ModelServer
from tests.loopback import served
from tests.models.dialects import VLLM
from tests.pace import limit_s, paced_s
from tests.store.recorder.raw_models import STREAM, event_bytes, raw_model, sends, whole
from tests.store.recorder.recording import (
    JSON,
    Recording,
    ended,
    listed,
    official,
    recording,
    recording_of,
    responded,
    texts,
    until,
)

BEGUN: JSON = {"id": "resp_0", "object": "response", "status": "in_progress", "output": []}


def message(text: str) -> JSON:
    part = {"type": "output_text", "text": text, "annotations": []}
    whole = {"type": "message", "id": "msg_0", "role": "assistant", "status": "completed"}
    return {**whole, "content": [part]}


def delta(text: str) -> bytes:
    place = {"item_id": "msg_0", "output_index": 0, "content_index": 0}
    return event_bytes("response.output_text.delta", **place, delta=text)


@dataclass
class Gated:
    """A model that says `One `, and goes on once it may.

    Attributes:
        asked: set when it is asked.
        may: set to let it say the rest.
        freed: set when the recorder has closed the connection before that.
    """

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    may: asyncio.Event = field(default_factory=asyncio.Event)
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun = {**message(""), "status": "in_progress", "content": []}
        writer.write(STREAM + event_bytes("response.created", response=BEGUN))
        writer.write(event_bytes("response.in_progress", response=BEGUN))
        writer.write(event_bytes("response.output_item.added", output_index=0, item=begun))
        writer.write(delta("One "))
        self.asked.set()
        closed = asyncio.create_task(reader.read())
        going = asyncio.create_task(self.may.wait())
        await asyncio.wait({closed, going}, return_when=asyncio.FIRST_COMPLETED)
        going.cancel()
        if closed.done():
            self.freed.set()
            return
        closed.cancel()
        said = message("One two.")
        writer.write(delta("two."))
        writer.write(event_bytes("response.output_item.done", output_index=0, item=said))
        ended = {**BEGUN, "status": "completed", "output": [said]}
        writer.write(event_bytes("response.completed", response=ended))


@asynccontextmanager
async def gated(
    **options: Any,  # noqa: ANN401 - a value for each field of `ModelServer`
) -> AsyncIterator[tuple[Gated, openai.AsyncOpenAI]]:
    """Run a recorder in front of such a model, and yield both."""
    model = Gated()
    async with (
        asyncio.timeout(limit_s(20)),
        raw_model(model) as url,
        recording_of(url, **options) as client,
    ):
        yield model, client


async def begun_and_asked(model: Gated, client: openai.AsyncOpenAI, **request: Any) -> Response:  # noqa: ANN401 - any parameter of the API
    """Return a response that has begun, once the model has said its first word."""
    found = await responded(client, input="Count.", background=True, **request)

    async def has_begun() -> bool:
        return bool((await client.responses.retrieve(found.id)).output)

    await model.asked.wait()
    await until(has_begun)
    return found


async def stream(client: openai.AsyncOpenAI, response_id: str, after: int = -1) -> list[JSON]:
    """Return the events of a stored response after the one with the number `after`."""
    query = {"starting_after": after} if after >= 0 else {}
    found = await client.responses.retrieve(response_id, stream=True, extra_query=query)
    return [event.model_dump(exclude_unset=True) async for event in found]


# Created


async def test_it_is_answered_at_once_and_goes_on_without_a_caller() -> None:
    async with gated() as (model, client):
        found = await begun_and_asked(model, client, metadata={"a": "b"}, instructions="Be brief.")
        now = await client.responses.retrieve(found.id)
        (in_list,) = await listed(client, "/responses")
        model.may.set()
        last = await ended(client, found.id)
        items = await client.responses.input_items.list(found.id)
        hits = await listed(client, "/search?query=two")
    assert (found.status, found.background, found.output) == ("queued", True, [])
    assert (found.metadata, found.instructions) == ({"a": "b"}, "Be brief.")
    assert found.model_dump()["store"] is True
    assert (now.status, now.output_text, now.output[0].status) == (  # type: ignore[union-attr]  # a message
        "in_progress",
        "One ",
        "in_progress",
    )
    assert in_list["id"] == found.id
    assert in_list["status"] == "in_progress"
    assert (last.status, last.output_text) == ("completed", "One two.")
    assert (last.id, last.created_at, last.background) == (found.id, found.created_at, True)
    assert texts(items.data) == ["Count."]
    assert {hit["thread_id"] for hit in hits} == {found.id}


async def test_the_model_server_is_told_nothing_of_it_and_streams() -> None:
    async with recording(VLLM) as here:
        first = await responded(here.client, input="one", background=True, store=True)
        assert (await ended(here.client, first.id)).output_text == "You said: one"
        second = await responded(
            here.client, input="two", background=True, previous_response_id=first.id
        )
        last = await ended(here.client, second.id)
        sent = (await here.model.last())["body"]
    assert texts(sent.pop("input")) == ["one", "You said: one", "two"]
    assert sent == {"model": "m", "stream": True}
    assert last.previous_response_id == first.id
    assert last.output_text == "You said: two"


async def test_its_input_and_output_are_added_to_its_conversation(here: Recording) -> None:
    conversation = await here.client.conversations.create()
    found = await responded(here.client, input="one", background=True, conversation=conversation.id)
    await ended(here.client, found.id)
    items = await here.client.conversations.items.list(conversation.id, order="asc")
    assert texts(items.data) == ["one", "You said: one"]


@pytest.mark.parametrize(
    ("record", "request_"), [("api", {"store": False}), ("all", {"store": False}), ("none", {})]
)
async def test_it_is_refused_if_it_is_not_kept(record: str, request_: JSON) -> None:
    async with recording(record=record) as here:
        with pytest.raises(openai.BadRequestError) as refused:
            await responded(here.client, input="one", background=True, **request_)
        assert await here.model.asked() == []
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "background")


async def test_no_more_run_than_may() -> None:
    async with gated(background_runs=2) as (model, client):
        for _ in range(2):
            await begun_and_asked(model, client)
        with pytest.raises(openai.RateLimitError) as refused:
            await responded(client, input="one", background=True)
        model.may.set()
        for each in await listed(client, "/responses"):
            await ended(client, each["id"])
        assert (await responded(client, input="one", background=True)).status == "queued"
    assert refused.value.code == "too_many_background_responses"
    assert refused.value.response.headers["retry-after"] == "10"


async def test_a_retry_gets_the_same_response_whether_it_runs_or_has_ended() -> None:
    key = {"Idempotency-Key": "once"}
    async with gated() as (model, client):
        first = await begun_and_asked(model, client, extra_headers=key)
        request: JSON = {"model": "m", "input": "Count.", "background": True}
        running = await client.responses.create(**request, extra_headers=key)
        following = await client.responses.create(**request, stream=True, extra_headers=key)
        model.may.set()
        events = [event async for event in following]
        last = await client.responses.create(**request, extra_headers=key)
        assert len(await listed(client, "/responses")) == 1
    assert running.id == last.id == first.id
    assert (running.status, last.status) == ("in_progress", "completed")
    assert events[-1].type == "response.completed"
    assert events[-1].response.id == first.id


# Its stream


async def test_its_stream_goes_on_although_its_caller_hangs_up() -> None:
    async with gated() as (model, client):
        creating = await client.responses.create(
            model="m", input="Count.", background=True, stream=True
        )
        seen: list[Any] = []
        async for event in creating:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
        await creating.close()
        after = seen[-1].sequence_number
        following = await client.responses.retrieve(
            seen[0].response.id, stream=True, starting_after=after
        )
        model.may.set()
        rest = [event async for event in following]
        every = await stream(client, seen[0].response.id)
        (kept,) = await listed(client, "/responses")
    kinds = [event.type for event in (*seen, *rest)]
    assert [event.sequence_number for event in (*seen, *rest)] == list(range(len(kinds)))
    assert kinds == [
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.output_item.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_item.done",
        "response.completed",
    ]
    assert seen[0].response.status == "queued"
    assert {event.response.id for event in (*seen[:3], rest[-1])} == {kept["id"]}
    assert every == [event.model_dump(exclude_unset=True) for event in (*seen, *rest)]
    assert every[-1]["response"]["output"] == kept["output"]


@pytest.mark.parametrize("background", [False, True])
async def test_the_events_of_an_ended_response_are_made_from_its_record(
    *, background: bool
) -> None:
    async with recording(events_s=-1.0) as here:
        text = '/reason Think.\n/call weather {"city": "Oslo"}\n/say One two three.'
        found = await responded(here.client, input=text, background=background)
        kept = (await ended(here.client, found.id)).to_dict()
        await stream(here.client, found.id)  # those that are kept, if it has not ended yet
        events = await stream(here.client, found.id)
        last = events[-1]["sequence_number"]
        rest = await stream(here.client, found.id, after=4)
        beyond = await stream(here.client, found.id, after=last + 100)
    assembly = response_stream()
    for event in events[:-1]:
        assembly.feed(event_bytes(**{"kind": event["type"], **event}))
    assembly.feed(event_bytes("response.completed", response={**kept, "output": []}))
    assert assembly.finish().object == kept == events[-1]["response"]
    assert [event["sequence_number"] for event in events] == list(range(last + 1))
    assert rest == events[5:]
    if background:  # the caller has seen other events, and misses the end
        (only,) = beyond
        assert only == {**events[-1], "sequence_number": last + 101}
    else:
        assert beyond == []


@pytest.mark.parametrize("events_s", [600.0, -1.0])
async def test_the_client_s_own_helper_resumes_its_stream(events_s: float) -> None:
    async with recording(events_s=events_s) as here:
        text = '/call weather {"city": "Oslo"}\n/say One two three.'
        async with here.client.responses.stream(model="m", input=text, background=True) as begun:
            first = await anext(aiter(begun))
        assert first.type == "response.created"
        kept = await ended(here.client, first.response.id)
        await stream(here.client, kept.id)
        async with here.client.responses.stream(
            response_id=kept.id, starting_after=first.sequence_number
        ) as resumed:
            kinds = [event.type async for event in resumed]
            final = await resumed.get_final_response()
    assert kinds[0] in {"response.queued", "response.in_progress"}
    assert kinds[-1] == "response.completed"
    assert "response.function_call_arguments.delta" in kinds or events_s < 0
    assert final.output_text == kept.output_text == "One two three."
    assert final.id == kept.id


async def test_events_beyond_the_bound_are_dropped_while_it_runs() -> None:
    async with gated(events_bytes=200) as (model, client):
        found = await begun_and_asked(model, client)
        with pytest.raises(openai.BadRequestError) as refused:
            await stream(client, found.id)
        assert refused.value.code == "events_not_kept"
        following = await client.responses.retrieve(found.id, stream=True, starting_after=3)
        model.may.set()
        rest = [event async for event in following]
        await ended(client, found.id)
        made = await stream(client, found.id)
    assert rest[0].type == "response.output_text.delta"
    assert [event["sequence_number"] for event in made] == list(range(len(made)))


@pytest.mark.parametrize("given", ["-1", "x", "1.5", "9" * 16])
async def test_what_is_not_a_number_is_refused(here: Recording, given: str) -> None:
    found = await responded(here.client, input="one")
    with pytest.raises(openai.BadRequestError) as refused:
        await here.client.get(
            f"/responses/{found.id}?stream=true&starting_after={given}", cast_to=dict
        )
    assert refused.value.param == "starting_after"


async def test_an_unknown_response_has_no_stream(here: Recording) -> None:
    with pytest.raises(openai.NotFoundError):
        await stream(here.client, "resp_unknown")


# Cancelled and deleted


async def test_it_is_cancelled_and_the_model_is_freed() -> None:
    async with gated() as (model, client):
        found = await begun_and_asked(model, client)
        following = await client.responses.retrieve(found.id, stream=True)
        cancelled = await client.responses.cancel(found.id)
        await model.freed.wait()
        again = await client.responses.cancel(found.id)
        kept = await client.responses.retrieve(found.id)
        last = [event async for event in following][-1]
        (in_list,) = await listed(client, "/responses")
    assert (cancelled.status, cancelled.output, cancelled.error) == ("cancelled", [], None)
    assert again == kept == cancelled
    assert last.type == "response.failed"
    assert last.response == cancelled
    assert in_list["status"] == "cancelled"


async def test_what_has_ended_or_does_not_run_in_the_background_is_not_cancelled(
    here: Recording,
) -> None:
    found = await responded(here.client, input="one", background=True)
    await ended(here.client, found.id)
    other = await responded(here.client, input="one")
    for response_id, why in ((found.id, "completed"), (other.id, "in the background")):
        with pytest.raises(openai.BadRequestError, match=why) as refused:
            await here.client.responses.cancel(response_id)
        assert refused.value.code == "not_cancellable"
    with pytest.raises(openai.NotFoundError):
        await here.client.responses.cancel("resp_unknown")


async def test_it_is_deleted_once_it_does_not_run() -> None:
    async with gated() as (model, client):
        found = await begun_and_asked(model, client)
        with pytest.raises(openai.BadRequestError, match="Cancel it first") as refused:
            await client.responses.delete(found.id)
        await client.responses.cancel(found.id)
        await client.responses.delete(found.id)
        for asking in (
            client.responses.retrieve(found.id),
            stream(client, found.id),
            client.responses.cancel(found.id),
            client.responses.delete(found.id),
        ):
            with pytest.raises(openai.NotFoundError):
                await asking
    assert refused.value.code == "response_in_progress"


@pytest.mark.parametrize("ends", ["cancel", "delete"])
async def test_what_another_process_ends_runs_no_longer_here(database_url: str, ends: str) -> None:
    model = Gated()
    async with (
        asyncio.timeout(limit_s(20)),
        raw_model(model) as url,
        recording_of(url, database_url, beat_s=0.02) as client,
        recording_of(url, database_url, beat_s=3_600.0) as elsewhere,  # gives up nothing
    ):
        found = await begun_and_asked(model, client)
        await getattr(elsewhere.responses, ends)(found.id)
        await model.freed.wait()
        kept = [each["status"] for each in await listed(client, "/responses")]
    assert kept == (["cancelled"] if ends == "cancel" else [])


async def test_it_is_exported_under_its_id_and_can_be_forgotten_while_it_runs(
    database_url: str,
) -> None:
    model = Gated()
    async with asyncio.timeout(limit_s(20)), raw_model(model) as url:
        server = ModelServer(url=url, beat_s=0.02)
        async with (
            open_store(database_url, model_server=server) as store,
            served(store.app) as origin,
            official(f"{origin}/v1") as client,
        ):
            found = await begun_and_asked(model, client)
            exported = [each async for each in store.export_responses()]
            of_program = await store.forgettable(Selection(source="running"))
            await store.forget(await store.forgettable(Selection(ids=[found.id])))
            await model.freed.wait()
            with pytest.raises(openai.NotFoundError):
                await client.responses.retrieve(found.id)
    assert [(each.key, each.id) for each in exported] == [(found.id, found.id)]
    assert of_program == []


# Faults


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (
            whole(404, b'{"error": {"message": "No.", "code": "model_not_found"}}'),
            "failed",
            "model_not_found",
        ),
        (whole(500, b"<html>"), "failed", "server_error"),
        (whole(200, b'{"error": "No."}'), "failed", "server_error"),
        (STREAM, "failed", "server_error"),
        (STREAM + event_bytes("error", code="overloaded", message="No."), "failed", "overloaded"),
        (STREAM + event_bytes("response.created", response=BEGUN), "incomplete", None),
    ],
)
async def test_a_fault_of_the_model_server_ends_it(
    answer: bytes, status: str, code: str | None
) -> None:
    async with raw_model(sends(answer)) as url, recording_of(url) as client:
        found = await responded(client, input="one", background=True)
        last = await ended(client, found.id)
        events = await stream(client, found.id)
    assert last.status == status
    assert (last.error.code if last.error else None) == code
    assert events[-1]["type"] == "response.failed"
    assert [event["type"] for event in events[:2]] == ["response.created", "response.queued"]


async def test_a_model_server_that_is_down_or_slow_ends_it() -> None:
    async with gated(answer_s=paced_s(0.5)) as (_model, client):
        found = await responded(client, input="one", background=True)
        slow = await ended(client, found.id)
    async with recording_of("http://127.0.0.1:9/v1") as client:
        found = await responded(client, input="one", background=True)
        down = await ended(client, found.id)
    assert (slow.status, slow.output_text) == ("incomplete", "One ")
    assert down.status == "failed"
    assert down.error is not None
    assert down.error.code == "server_error"
    assert "cannot be reached" in down.error.message


async def test_an_answer_that_is_not_streamed_is_kept_and_has_events() -> None:
    answer = {**BEGUN, "status": "completed", "output": [message("One.")]}
    body = whole(200, json.dumps(answer).encode(), content_type="application/json")
    async with raw_model(sends(body)) as url, recording_of(url) as client:
        creating = await client.responses.create(
            model="m", input="one", background=True, stream=True
        )
        events = [event async for event in creating]
        kept = await client.responses.retrieve(events[0].response.id)  # type: ignore[union-attr]  # the first has one
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert events[-1].response == kept
    assert kept.output_text == "One."


async def test_what_the_model_said_until_the_recorder_was_stopped_is_kept(tmp_path: Path) -> None:
    model, database = Gated(), f"sqlite:///{tmp_path / 'store.db'}"
    async with asyncio.timeout(limit_s(20)), raw_model(model) as url:
        async with recording_of(url, database) as client:
            found = await begun_and_asked(model, client)
        async with (
            open_store(database) as store,
            served(store.app) as origin,
            official(f"{origin}/v1") as client,
        ):
            kept = await client.responses.retrieve(found.id)
    assert (kept.status, kept.output_text) == ("incomplete", "One ")
    assert kept.to_dict()["incomplete_details"] == {"reason": "cut_off"}


async def test_what_a_process_left_behind_is_given_up_and_nothing_else(database_url: str) -> None:
    lost, running = Gated(), Gated()
    beat_s = paced_s(0.4)
    async with (
        asyncio.timeout(limit_s(20)),
        raw_model(lost) as gone,
        raw_model(running) as url,
        recording_of(gone, database_url, beat_s=3_600.0) as client,  # as if it had been killed
        recording_of(url, database_url, beat_s=3_600.0) as silent,
    ):
        left = await begun_and_asked(lost, client)
        with pytest.raises(openai.BadRequestError) as refused:
            await stream(silent, left.id)
        async with recording_of(url, database_url, beat_s=beat_s) as elsewhere:
            kept = await begun_and_asked(running, elsewhere)
            async with recording_of(url, database_url, beat_s=beat_s) as later:
                given_up = await ended(later, left.id)
                events = await stream(later, left.id)
                running.may.set()
                last = await ended(elsewhere, kept.id)
    assert refused.value.code == "events_not_kept"
    assert given_up.status == "failed"
    assert given_up.error is not None
    assert given_up.error.code == "server_error"
    assert "ended before the response was complete" in given_up.error.message
    assert events[-1]["type"] == "response.failed"
    assert (last.status, last.output_text) == ("completed", "One two.")


async def test_what_could_not_be_recorded_has_failed_once_the_database_is_back(
    tmp_path: Path,
) -> None:
    model, path = Gated(), tmp_path / "store.db"
    async with asyncio.timeout(limit_s(20)), raw_model(model) as url:
        server = ModelServer(url=url, beat_s=0.05)
        async with (
            # Reads wait no longer than that either, for example for the commit of a beat.
            open_store(f"sqlite:///{path}", lock_s=0.5, model_server=server) as store,
            served(store.app) as origin,
            official(f"{origin}/v1") as client,
        ):
            found = await begun_and_asked(model, client)
            following = await client.responses.retrieve(found.id, stream=True)
            with closing(sqlite3.connect(path)) as locking:
                locking.execute("BEGIN IMMEDIATE")
                model.may.set()
                last = [event async for event in following][-1]
                locking.rollback()
            kept = await ended(client, found.id)
    assert last.type == "response.failed"
    assert kept.status == "failed"
    assert kept.error is not None
    assert kept.error.code == "server_error"
