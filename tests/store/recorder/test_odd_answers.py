"""Answers whose fields have other types than in the API: passed on as they are, and recorded."""

import asyncio
import json

import httpx2
import pytest
from openai.types.responses import Response

from tests.loopback import NO_TLS
from tests.store.recorder.raw_models import STREAM, event_bytes, raw_model, sends, whole
from tests.store.recorder.recording import JSON, ended, recording_of, responded, until
from tests.store.recorder.test_background import BEGUN, message, stream

ANSWER: JSON = {**BEGUN, "status": "completed", "output": [message("One.")]}
LARGE = {"LARGE": f"{'1' * 400}.5", "LARGE TOGETHER": f"{'1' * 250}e99"}
"""Numbers that are infinite as floats: without an exponent, and with a small one."""


def answering(answer: JSON) -> bytes:
    """Return the bytes of an answer that is not streamed."""
    body = json.dumps(answer)
    for name, digits in LARGE.items():
        body = body.replace(f'"{name}"', digits)
    return whole(200, body.encode(), content_type="application/json")


@pytest.mark.parametrize(
    "odd",
    [
        {"id": 5},
        {"created_at": 10**30},
        {"created_at": 1e308},
        {"created_at": "LARGE"},
        {"status": ["completed"]},
        {"temperature": "LARGE"},
        {"temperature": "LARGE TOGETHER"},
        {"output": [{**message("One."), "role": ["assistant"], "status": {}}]},
        {"output": [{**message("One."), "content": 5}]},
        {"output": [5, None, {"type": 5}, {}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("background", [False, True])
async def test_an_odd_response_is_passed_on_and_recorded(odd: JSON, *, background: bool) -> None:
    async with raw_model(sends(answering({**ANSWER, **odd}))) as url, recording_of(url) as client:
        async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
            request = {"model": "m", "input": "one", "background": background}
            reply = (await http.post("responses", json=request)).json()
        kept = await ended(client, reply["id"])
        events = await stream(client, reply["id"])
    assert kept.id == reply["id"]
    assert 0 < kept.created_at < 10**11
    assert kept.to_dict()["status"] == odd.get("status", "completed")
    assert events[-1]["type"] == "response.completed"
    if not background and "id" not in odd:  # with another id, the items get others too
        assert reply["output"] == odd.get("output", ANSWER["output"])


@pytest.mark.parametrize(
    "odd",
    [{"id": 5}, {"created": 10**30}, {"choices": [{"message": True}, {"message": [1]}, 5]}],
    ids=str,
)
async def test_an_odd_completion_is_passed_on_and_recorded(odd: JSON) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "One."}}
    answer: JSON = {"id": "chatcmpl-0", "object": "chat.completion", "choices": [choice], **odd}
    async with (
        raw_model(sends(answering(answer))) as url,
        recording_of(url) as client,
        httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http,
    ):
        request: JSON = {"model": "m", "store": True, "messages": []}
        reply = (await http.post("chat/completions", json=request)).json()
        kept = (await http.get(f"chat/completions/{reply['id']}")).json()
    assert reply["choices"] == answer["choices"]
    assert kept["id"] == reply["id"]
    assert 0 < kept["created"] < 10**11


@pytest.mark.parametrize(
    "answer",
    [
        STREAM + event_bytes("response.completed", response={}),
        STREAM
        + event_bytes("response.in_progress", response=BEGUN)
        + event_bytes("response.completed", response={"output": [message("One.")]}),
        STREAM + event_bytes("response.completed", response={**ANSWER, "status": "in_progress"}),
        answering({**ANSWER, "status": "queued"}),
    ],
)
@pytest.mark.parametrize("background", [False, True])
async def test_a_response_that_has_ended_is_not_in_progress_for_ever(
    answer: bytes, *, background: bool
) -> None:
    async with raw_model(sends(answer)) as url, recording_of(url) as client:
        async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
            request = {"model": "m", "input": "one", "background": background}
            await http.post("responses", json=request)
            (found,) = (await http.get("responses")).json()["data"]
        kept = await ended(client, found["id"])
        events = await stream(client, found["id"])
    assert kept.status == "completed"
    assert events[-1]["type"] == "response.completed"


async def test_half_a_surrogate_pair_is_shown_while_the_other_half_is_to_come() -> None:
    half = {**message("a\ud83d"), "status": "in_progress"}

    may_end = asyncio.Event()

    async def halved(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        added = event_bytes("response.output_item.added", output_index=0, item=half)
        writer.write(STREAM + event_bytes("response.created", response=BEGUN) + added)
        await may_end.wait()

    async with raw_model(halved) as url, recording_of(url) as client:
        found = await responded(client, input="one", background=True)

        async def begun() -> Response | None:
            now = await client.responses.retrieve(found.id)
            return now if now.output else None

        now = await until(begun)
        may_end.set()
        kept = await ended(client, found.id)
        events = await stream(client, found.id)
    assert now is not None
    assert kept.status == "incomplete"
    assert events[-1]["type"] == "response.failed"
    assert now.output_text == kept.output_text == "a\N{REPLACEMENT CHARACTER}"
