"""The log and the metrics of recorded answers: models, tokens and times, and never text."""

# ruff: noqa: ASYNC240 - a test may wait for a file of its own

import asyncio
import json
import logging
from pathlib import Path
from typing import Any, Final

import httpx2
import openai
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.loopback import NO_TLS
from tests.store.recorder.raw_models import STREAM, event_bytes, raw_model, sends, whole
from tests.store.recorder.recording import (
    Recording,
    asked,
    chunks_of,
    completed,
    listed,
    recording,
    recording_of,
    responded,
    until,
)

SECRET = "canary"

_RESPONSE: Final = {"id": "resp_0", "object": "response", "status": "completed", "output": []}
_COMPLETION: Final = {"id": "chatcmpl-0", "object": "chat.completion", "choices": []}
_CHUNK: Final = json.dumps({**_COMPLETION, "object": "chat.completion.chunk"}).encode()

UNFINISHED: Final = [
    ("responses", whole(200, json.dumps(_RESPONSE).encode(), content_type="application/json")),
    ("responses", STREAM + event_bytes("response.created", response=_RESPONSE)),
    ("completions", whole(200, json.dumps(_COMPLETION).encode(), content_type="application/json")),
    ("completions", STREAM + b"data: " + _CHUNK + b"\n\n"),
]
"""Answers of both APIs, whole and streamed, as far as their ids."""


async def metrics_of(client: openai.AsyncOpenAI, **headers: str) -> str:
    """Return the metrics as text."""
    url = str(client.base_url).removesuffix("/v1/")
    async with httpx2.AsyncClient(verify=NO_TLS) as http:
        reply = await http.get(f"{url}/metrics", headers=headers)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/plain")
    return reply.text


def counted(text: str, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of a counter, by the values of its labels in the order of their names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the lines of the recorder's log."""
    named = (each for each in caplog.records if each.name == "backscroll.recorder")
    return [json.loads(each.getMessage()) for each in named]


async def test_answers_are_counted_with_their_model_and_tokens_and_without_text(
    here: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backscroll.recorder")
    text = f"/say {SECRET} {SECRET}"
    one = await responded(here.client, input=text, stream=True)
    two = await responded(here.client, input=text, store=False)
    three = await completed(here.client, model="m", messages=asked(text), store=True)
    options = {"include_usage": True}
    await chunks_of(here.client, model="n", messages=asked(text), stream_options=options)
    found = await metrics_of(here.client)
    usages = [each.usage for each in (one, two)]
    assert all(usages)
    assert three.usage is not None
    read = sum(usage.input_tokens for usage in usages if usage) + three.usage.prompt_tokens
    wrote = sum(usage.output_tokens for usage in usages if usage) + three.usage.completion_tokens
    assert counted(found, "backscroll_model_answers_total") == {
        ("responses", "m", "completed"): 2,
        ("completions", "m", "completed"): 1,
        ("completions", "n", "completed"): 1,
    }
    tokens = counted(found, "backscroll_model_tokens_total")
    assert (tokens["input", "m"], tokens["output", "m"]) == (read, wrote)
    assert tokens["output", "n"] == three.usage.completion_tokens
    assert counted(found, "backscroll_model_answer_seconds_count") == {
        ("responses", "m"): 2,
        ("completions", "m"): 1,
        ("completions", "n"): 1,
    }
    lines = logged(caplog)
    assert [line["recorded"] for line in lines] == [one.id, None, three.id, None]
    assert all(line["ms"] > 0 for line in lines)
    assert SECRET not in found
    assert SECRET not in json.dumps(lines)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (whole(429, b'{"error": {"message": "canary"}}'), "status_429"),
        (whole(200, b"<html>canary"), "model_server_answer_invalid"),
        (whole(200, b'{"error": "canary"}'), "error"),
        (STREAM, "no_events"),
        (STREAM + event_bytes("error", code="overloaded", message="canary"), "error"),
    ],
)
async def test_requests_that_get_no_answer_are_counted_once(
    answer: bytes, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backscroll.recorder")
    async with raw_model(sends(answer)) as url, recording_of(url) as client:
        async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
            for background in (False, True):
                request = {"model": "m", "input": SECRET, "stream": True, "background": background}
                await http.post("responses", json=request)
        found = await metrics_of(client)
    assert counted(found, "backscroll_model_answers_total") == {("responses", "", outcome): 2}
    assert [line["outcome"] for line in logged(caplog)] == [outcome, outcome]
    assert SECRET not in found


@pytest.mark.parametrize(("api", "answer"), UNFINISHED)
async def test_answers_whose_ids_cannot_be_looked_up_are_counted_as_not_recorded(
    api: str, answer: bytes, path: Path
) -> None:
    elsewhere = path.with_name("elsewhere.db")

    async def script(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path.rename(elsewhere)
        writer.write(answer)
        await writer.drain()

    request = {"model": "m", "input": "one", "messages": asked("one"), "store": True}
    paths = {"responses": "responses", "completions": "chat/completions"}
    async with raw_model(script) as url, recording_of(url, f"sqlite:///{path}") as client:
        async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
            stream = answer.startswith(STREAM)
            reply = await http.post(paths[api], json={**request, "stream": stream})
        elsewhere.rename(path)
        found = await metrics_of(client)
    assert (reply.status_code, "its file cannot be opened" in reply.text) == (503, True)
    assert counted(found, "backscroll_model_answers_total") == {(api, "", "not_recorded"): 1}


async def test_answers_that_are_passed_on_but_not_recorded_are_logged_without_an_id(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "backscroll.recorder")
    elsewhere = path.with_name("elsewhere.db")
    async with recording(database=f"sqlite:///{path}", record="best-effort") as here:
        path.rename(elsewhere)
        await responded(here.client, input="one")
        await completed(here.client, model="m", messages=asked("one"), store=True)
        elsewhere.rename(path)
    lines = [(line["outcome"], line["recorded"]) for line in logged(caplog)]
    assert lines == [("completed", None), ("completed", None)]


@pytest.mark.parametrize("background", [False, True])
async def test_an_impossible_usage_and_half_a_character_do_no_harm(*, background: bool) -> None:
    usage = {"input_tokens": 10**400, "output_tokens": -1}
    answer = {"id": "resp_0", "object": "response", "status": "completed", "output": []}
    last = event_bytes(
        "response.completed", response={**answer, "model": "m\ud800", "usage": usage}
    )
    async with raw_model(sends(STREAM + last)) as url, recording_of(url) as client:
        async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
            request = {"model": "m", "input": "one", "stream": True, "background": background}
            events = (await http.post("responses", json=request)).text
        (kept,) = await listed(client, "/responses")
        found = await metrics_of(client)
    assert events.count("event: response.completed\n") == 1
    assert r'"model":"m\ud800"' in events.replace(": ", ":")
    assert (kept["status"], kept["model"]) == ("completed", "m\N{REPLACEMENT CHARACTER}")
    assert counted(found, "backscroll_model_answers_total") == {
        ("responses", "m\N{REPLACEMENT CHARACTER}", "completed"): 1
    }
    assert counted(found, "backscroll_model_tokens_total") == {}


async def test_callers_that_hang_up_and_models_that_are_down_are_counted() -> None:
    async with recording() as here:
        stream = await here.client.responses.create(
            model="m", input="/pause 0.01\n/say " + "a " * 5_000, stream=True
        )
        await anext(aiter(stream))
        await stream.close()
        await until(lambda: listed(here.client, "/responses"))
        gone = await metrics_of(here.client)
    async with recording_of("http://127.0.0.1:9/v1") as client:
        with pytest.raises(openai.InternalServerError):
            await responded(client, input="one")
        down = await metrics_of(client)
    assert counted(gone, "backscroll_model_answers_total") == {
        ("responses", "m", "caller_disconnected"): 1
    }
    assert counted(down, "backscroll_model_answers_total") == {
        ("responses", "", "model_server_unreachable"): 1
    }


async def test_responses_in_the_background_are_counted_while_they_run(here: Recording) -> None:
    text = "/pause 0.01\n/say " + "a " * 5_000
    found = await responded(here.client, input=text, background=True)
    running = await metrics_of(here.client)
    await here.client.responses.cancel(found.id)
    ended = await metrics_of(here.client)
    name = "backscroll_background_responses"
    assert (counted(running, name), counted(ended, name)) == ({(): 1}, {(): 0})
    ((_, _, outcome),) = counted(ended, "backscroll_model_answers_total")
    assert outcome == "cancelled"


@pytest.mark.parametrize("kind", ["text/plain", "application/openmetrics-text"])
async def test_a_version_that_is_no_number_gets_the_usual_format(
    here: Recording, kind: str
) -> None:
    text = await metrics_of(here.client, accept=f"{kind}; version=x")
    assert counted(text, "backscroll_background_responses") == {(): 0}


async def test_only_so_many_models_are_named(here: Recording) -> None:
    for number in range(102):
        await responded(here.client, model=f"m{number}", input="one", store=False)
    with pytest.raises(openai.APIStatusError):
        await responded(here.client, input="/error 500 no")
    found = counted(await metrics_of(here.client), "backscroll_model_answers_total")
    assert len(found) == 102
    assert found["responses", "other", "completed"] == 2
    assert [key for key in found if key[1] == ""] == [("responses", "", "status_500")]
