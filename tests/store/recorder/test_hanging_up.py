"""Callers that hang up: what they got is kept, and the model is not asked to go on."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import openai
import pytest
from starlette.types import Message

from backscroll.database.locks import LOCK_S
from backscroll.database.response_schema import responses
from backscroll.store.app import open_store
from backscroll.store.archive.opening import opened_database
from backscroll.store.idempotency import IdempotencyKeys
from backscroll.store.ids import new_response_id
from backscroll.store.recorder.answer_log import AnswerLog
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.relaying.caller import while_reading
from backscroll.store.recorder.relaying.whole_relay import send_whole
from backscroll.store.retention import RetentionClock
from tests.loopback import NO_TLS
from tests.pace import limit_s
from tests.store.recorder.raw_models import STREAM, event_bytes, raw_model, sends
from tests.store.recorder.recording import (
    CLOCK,
    Recording,
    asked,
    listed,
    recording_of,
    responded,
    until,
)

TEXT = "/pause 0.01\n/say " + " ".join(map(str, range(5_000)))


async def kept_by(here: Recording, path: str) -> dict[str, Any]:
    """Return the only object of a list, as soon as it is there."""
    (one,) = await until(lambda: listed(here.client, path))
    return one


async def test_what_a_caller_got_of_a_response_is_kept_and_said_to_be_incomplete(
    here: Recording,
) -> None:
    stream = await here.client.responses.create(model="m", input=TEXT, stream=True)
    got = ""
    async for event in stream:
        if event.type == "response.output_text.delta":
            got += event.delta
            if "9" in got:
                break
    await stream.close()
    kept = await kept_by(here, "/responses")
    text = kept["output"][0]["content"][0]["text"]
    assert (kept["status"], kept["incomplete_details"]) == (
        "incomplete",
        {"reason": "caller_disconnected"},
    )
    assert text.startswith(got)
    assert len(text) < 5_000
    assert kept["output"][0]["status"] == "incomplete"


async def test_what_a_caller_got_of_a_completion_is_kept_and_said_to_be_incomplete(
    here: Recording,
) -> None:
    stream = await here.client.chat.completions.create(
        model="m", messages=asked(TEXT), stream=True, store=True
    )
    got = ""
    async for chunk in stream:
        got += chunk.choices[0].delta.content or ""
        if "9" in got:
            break
    await stream.close()
    kept = await kept_by(here, "/chat/completions")
    assert kept["choices"][0]["message"]["content"].startswith(got)
    assert kept["choices"][0]["finish_reason"] is None
    assert kept["incomplete_details"] == {"reason": "caller_disconnected"}


@pytest.mark.parametrize("stream", [False, True])
async def test_a_caller_that_leaves_before_the_answer_begins_frees_the_model(
    *, stream: bool
) -> None:
    asked, freed = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        freed.set()

    async with (
        raw_model(silent) as url,
        recording_of(url) as client,
        asyncio.timeout(limit_s(20)),
    ):
        waiting = asyncio.create_task(responded(client, input="one", stream=stream))
        await asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await freed.wait()
        assert await listed(client, "/responses") == []


@pytest.mark.parametrize("body", [None, b"{}"])
@pytest.mark.parametrize("begins", [False, True])
async def test_a_caller_that_leaves_a_request_that_is_passed_on_frees_the_model_server(
    body: bytes | None, *, begins: bool
) -> None:
    asked, freed = asyncio.Event(), asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if begins:
            writer.write(STREAM + b": begun\n\n")
        asked.set()
        await reader.read()
        freed.set()

    async with (
        raw_model(endless) as url,
        recording_of(url) as client,
        asyncio.timeout(limit_s(20)),
    ):
        http = httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS)
        sending = asyncio.create_task(http.request("POST" if body else "GET", "x", content=body))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await http.aclose()
        await freed.wait()


async def test_a_caller_that_leaves_in_the_middle_of_an_upload_frees_the_model_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    freed = asyncio.Event()

    async def uploaded() -> AsyncIterator[bytes]:
        yield b"begun"
        begun.set()
        await asyncio.Event().wait()

    async def endless(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()
        freed.set()

    begun = asyncio.Event()
    async with (
        raw_model(endless) as url,
        recording_of(url) as client,
        asyncio.timeout(limit_s(20)),
    ):
        http = httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS)
        sending = asyncio.create_task(http.post("files", content=uploaded()))
        await begun.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await http.aclose()
        await freed.wait()
    assert caplog.records == []


async def test_an_id_whose_caller_leaves_while_it_is_looked_up_can_be_used_by_others() -> None:
    async with opened_database("sqlite://", LOCK_S, indexes_tools=False) as database:
        keys = IdempotencyKeys(database, CLOCK, RetentionClock(CLOCK.monotonic))
        keeping = Keeping(database, keys, CLOCK, "api", AnswerLog(CLOCK.monotonic))

        async def promised() -> str:
            return await keeping.promise(responses, "default", "resp_1", "resp", new_response_id)

        leaving = asyncio.create_task(promised())
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert await promised() == "resp_1"


async def test_a_caller_that_reads_slowly_gets_the_last_event() -> None:
    ended = {"id": "resp_1", "object": "response", "status": "completed", "output": []}
    stream = event_bytes("response.created", response=ended) + event_bytes(
        "response.completed", response=ended
    )
    sent: list[bytes] = []

    async def receive() -> Message:
        if not given:
            await asyncio.Event().wait()
        return given.pop()

    async def send(message: Message) -> None:
        data = message.get("body", b"")
        if b"response.completed" in data:
            await asyncio.sleep(0.02)  # the caller's connection takes nothing for a while
        sent.append(data)

    body = json.dumps({"model": "m", "input": "one", "stream": True}).encode()
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    path = "/v1/responses"
    named = {"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""}
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "headers": headers, **named}
    async with raw_model(sends(STREAM + stream)) as url:
        server = ModelServer(url=url, after_end_s=0.0)
        async with open_store("sqlite://", model_server=server) as store:
            await store.app(scope, receive, send)
    assert b"".join(sent) == stream


DELTA = event_bytes("response.output_text.delta", output_index=0, delta="x" * 60_000)
ENDED = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
CREATED = event_bytes("response.created", response=ENDED)
COMPLETED = event_bytes("response.completed", response={**ENDED, "status": "completed"})


@asynccontextmanager
async def asked_and_not_read(
    client: openai.AsyncOpenAI, path: str, **headers: str
) -> AsyncIterator[None]:
    """Send a request for a stream, and stay connected, but read nothing."""
    host, port = client.base_url.host, client.base_url.port
    body = json.dumps({"model": "m", "input": "one", "stream": True})
    given = {"host": "localhost", "content-type": "application/json", **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    request = f"POST /v1/{path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n"
    _reader, writer = await asyncio.open_connection(host, port)
    transport: Any = writer.transport
    transport.pause_reading()
    writer.write(f"{request}\r\n{body}".encode())
    try:
        yield
    finally:
        transport.abort()


async def test_a_caller_that_stays_but_reads_nothing_is_treated_as_if_it_had_hung_up() -> None:
    freed = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + CREATED)
        try:
            while not reader.at_eof():
                writer.write(DELTA)
                await writer.drain()
        finally:
            freed.set()

    async with (
        raw_model(endless) as url,
        recording_of(url, caller_s=0.2) as client,
        asyncio.timeout(limit_s(20)),
    ):
        for path in ("responses", "audio/speech"):
            freed.clear()
            async with asked_and_not_read(client, path):
                await freed.wait()
        (kept,) = await until(lambda: listed(client, "/responses"))
    assert kept["incomplete_details"] == {"reason": "caller_disconnected"}
    assert kept["output"][0]["content"][0]["text"].startswith("x" * 60_000)


async def test_an_answer_goes_on_for_a_retry_although_its_caller_reads_nothing() -> None:
    stream = STREAM + CREATED + 150 * DELTA + COMPLETED
    async with (
        raw_model(sends(stream)) as url,
        recording_of(url, caller_s=0.2) as client,
        asked_and_not_read(client, "responses", idempotency_key="once"),
    ):
        (kept,) = await until(lambda: listed(client, "/responses"))
        again = await responded(client, input="one", extra_headers={"Idempotency-Key": "once"})
    assert kept["status"] == "completed"
    assert again.output_text == "x" * 150 * 60_000


async def test_a_whole_answer_may_be_read_slowly() -> None:
    sent: list[int] = []

    async def send(message: Message) -> None:
        await asyncio.sleep(0.02)
        sent.append(len(message.get("body", b"")))

    await send_whole(while_reading(send, 0.2), 200, [], b"x" * 1_000_000)
    assert sum(sent) == 1_000_000
    assert max(sent) <= 65_536
