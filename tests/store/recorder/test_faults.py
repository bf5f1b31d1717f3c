"""Model servers that fail: the caller gets the API's own error, and nothing hangs or leaks."""

import asyncio
import gzip
import json
from typing import Any

import httpx2
import openai
import pytest
from starlette.types import Receive, Scope, Send

from backscroll.store.app import open_store
from backscroll.store.recorder.model_server import ModelServer
from tests.loopback import NO_TLS, served
from tests.models.dialects import OPENAI
from tests.models.process import model_here
from tests.pace import limit_s
from tests.store.recorder.raw_models import STREAM, event_bytes, raw_model, sends, whole
from tests.store.recorder.recording import (
    Recording,
    asked,
    chunks_of,
    completed,
    events_of,
    listed,
    official,
    recording,
    recording_of,
    responded,
)

SLOW = {"idle_s": 0.2}


async def stream_of(here: Recording, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the data of each event of a stream, read without a client that judges them."""
    async with (
        httpx2.AsyncClient(base_url=here.url, verify=NO_TLS) as http,
        http.stream("POST", path, json={"model": "m", "stream": True, **body}) as reply,
    ):
        assert reply.status_code == 200
        text = "".join([part async for part in reply.aiter_text()])
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize(
    ("text", "reason", "limits"),
    [
        ("/cut 6", "cut_off", {}),
        ("/stop 6", "cut_off", {}),
        ("/pause 1\n/say a b c d e f g h", "cut_off", {"idle_s": 0.2}),
        ("/pause 0.05\n/say a b c d e f g h i j k l", "cut_off", {"answer_s": 0.3}),
        ("/endless", "cut_off", {"answer_bytes": 100_000}),
    ],
)
async def test_a_stream_that_breaks_off_ends_as_the_api_s_does_and_is_kept_as_incomplete(
    text: str, reason: str, limits: dict[str, Any]
) -> None:
    text = f"{text}\n/say a b c d e f g h" if "/say" not in text else text
    async with recording(**limits) as here:
        events = await stream_of(here, "/responses", {"input": text})
        request = {"messages": asked(text), "store": True}
        chunks = await stream_of(here, "/chat/completions", request)
        (response,) = await listed(here.client, "/responses")
        (completion,) = await listed(here.client, "/chat/completions")
    numbers = [event["sequence_number"] for event in events]
    last = events[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["status"] == "failed"
    assert last["response"]["id"] == response["id"]
    assert last["response"]["error"]["code"] == "server_error"
    assert numbers[-1] == numbers[-2] + 1
    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": reason}
    assert set(chunks[-1]) == {"error"}
    assert chunks[-1]["error"]["type"] == "server_error"
    assert completion["incomplete_details"] == {"reason": reason}


@pytest.mark.parametrize("text", ["/cut 1", "/stop 1"])
async def test_the_official_client_notices_that_a_stream_broke_off(
    here: Recording, text: str
) -> None:
    with pytest.raises(openai.APIError, match="closed the connection"):
        await chunks_of(here.client, model="m", messages=asked(text))
    events = await events_of(here.client, input=text)
    assert events[-1]["type"] == "response.failed"


@pytest.mark.parametrize("text", ["/cut 0", "/stop 0"])
async def test_a_stream_that_breaks_off_before_its_first_event_is_an_error(
    here: Recording, text: str
) -> None:
    for answering in (
        chunks_of(here.client, model="m", messages=asked(text), store=True),
        events_of(here.client, input=text),
    ):
        with pytest.raises(openai.InternalServerError) as failed:
            await answering
        assert failed.value.status_code == 502
        assert failed.value.code == "model_server_disconnected"
    assert await listed(here.client, "/responses") == []
    assert await listed(here.client, "/chat/completions") == []


async def test_an_event_that_is_too_large_ends_the_stream(here: Recording) -> None:
    text = f"/huge {17 * 1024 * 1024}\n/say a b c"
    request = {"messages": asked(text), "store": True}
    chunks = await stream_of(here, "/chat/completions", request)
    (completion,) = await listed(here.client, "/chat/completions")
    assert chunks[-1]["error"]["code"] == "model_server_answer_too_large"
    assert completion["incomplete_details"] == {"reason": "too_large"}


async def test_an_answer_that_is_too_large_is_an_error() -> None:
    async with recording(answer_bytes=100_000) as here:
        with pytest.raises(openai.InternalServerError) as failed:
            await responded(here.client, input="/huge 200000")
        assert await listed(here.client, "/responses") == []
    assert failed.value.code == "model_server_answer_too_large"


async def test_an_event_that_is_not_json_is_passed_on_and_the_record_says_so(
    here: Recording,
) -> None:
    messages = asked("/garble 2\n/say a b c")
    body = {"model": "m", "messages": messages, "stream": True, "store": True}
    async with httpx2.AsyncClient(base_url=here.url, verify=NO_TLS) as http:
        passed = (await http.post("/chat/completions", json=body)).text
    (completion,) = await listed(here.client, "/chat/completions")
    assert 'data: {"id": "cut\n' in passed
    assert passed.endswith("data: [DONE]\n\n")
    assert completion["choices"][0]["message"]["content"] == "a b c"
    assert completion["incomplete_details"] == {"reason": "unreadable"}


async def test_an_unreadable_event_makes_a_response_incomplete_if_the_last_event_lacks_it() -> None:
    begun = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
    said = {"type": "output_text", "text": "a b c", "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": [said]}
    garbled = b'event: response.output_text.delta\ndata: {"type": "respon\n\n'
    done = event_bytes("response.output_item.done", output_index=0, item=message)
    for output in ([], [message]):
        ended = {**begun, "status": "completed", "output": output}
        stream = event_bytes("response.created", response=begun) + garbled + done
        stream += event_bytes("response.completed", response=ended)
        async with raw_model(sends(STREAM + stream)) as url, recording_of(url) as client:
            conversation = await client.conversations.create()
            body = {"model": "m", "input": "one", "stream": True, "conversation": conversation.id}
            async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
                key = {"Idempotency-Key": "once"}
                replies = [await http.post("responses", json=body, headers=key) for _ in range(2)]
            kept = await listed(client, "/responses")
            items = await client.conversations.items.list(conversation.id)
        replayed = replies[1].headers.get("idempotent-replayed")
        reason = (kept[0]["incomplete_details"] or {}).get("reason")
        found = (len(kept), kept[0]["status"], reason, len(items.data), replayed)
        if output:
            assert found == (1, "completed", None, 2, "true")
        else:
            assert found == (2, "incomplete", "unreadable", 0, None)
        assert [each["output"][0]["content"][0]["text"] for each in kept] == ["a b c"] * len(kept)


@pytest.mark.parametrize(("status", "given"), [(200, 502), (403, 403), (503, 503)])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_page_is_an_error_in_the_api_s_format(
    here: Recording, status: int, given: int, *, stream: bool
) -> None:
    with pytest.raises(openai.APIStatusError) as failed:
        await responded(here.client, input=f"/html {status}", stream=stream)
    assert (failed.value.status_code, failed.value.code) == (given, "model_server_answer_invalid")
    assert "html" not in failed.value.response.text
    assert await listed(here.client, "/responses") == []


async def test_a_compressed_answer_is_passed_on_and_kept(here: Recording) -> None:
    found = await responded(here.client, input="/gzip\n/say a b c")
    kept = await here.client.responses.retrieve(found.id)
    assert kept.output_text == found.output_text == "a b c"


async def test_an_answer_that_is_cut_off_is_an_error(here: Recording) -> None:
    with pytest.raises(openai.InternalServerError) as failed:
        await completed(here.client, model="m", messages=asked("/cut"), store=True)
    assert (failed.value.status_code, failed.value.code) == (502, "model_server_disconnected")
    assert await listed(here.client, "/chat/completions") == []


async def test_a_server_that_answers_nothing_is_given_up() -> None:
    async with recording(OPENAI, idle_s=0.2) as here:
        with pytest.raises(openai.InternalServerError) as late:
            await responded(here.client, input="/hang", stream=True)
    assert (late.value.status_code, late.value.code) == (504, "model_server_timeout")


async def test_a_server_that_is_down_is_an_error_and_a_retry_succeeds_once_it_is_up() -> None:
    async with model_here() as model, recording_of(model.url) as client:
        assert (await responded(client, input="one")).status == "completed"
    async with recording_of(model.url) as client:
        with pytest.raises(openai.InternalServerError, match="cannot be reached") as failed:
            await responded(client, input="two")
    assert (failed.value.status_code, failed.value.code) == (502, "model_server_unreachable")


async def test_a_loop_is_refused_with_one_request() -> None:
    passed = 0

    async def back(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal passed
        passed += 1
        await target(scope, receive, send)

    async with served(back) as origin:
        server = ModelServer(url=f"{origin}/v1")
        async with open_store("sqlite://", model_server=server) as store:
            target = store.app
            async with official(f"{origin}/v1") as client:
                for answering in (
                    responded(client, input="one"),
                    completed(client, model="m", messages=asked("one")),
                    client.models.list(),
                ):
                    with pytest.raises(openai.APIStatusError, match="leads back") as refused:
                        await answering
                    assert (refused.value.status_code, refused.value.code) == (
                        508,
                        "forwarding_loop",
                    )
    assert passed == 6


async def test_fifty_streams_at_once_are_neither_lost_nor_mixed(here: Recording) -> None:
    def text(number: int) -> str:
        return " ".join(f"{number}-{word}" for word in range(40))

    found = await asyncio.gather(
        *(responded(here.client, input=f"/say {text(number)}", stream=True) for number in range(50))
    )
    kept = await asyncio.gather(*(here.client.responses.retrieve(each.id) for each in found))
    assert [each.output_text for each in found] == [text(number) for number in range(50)]
    assert [each.output_text for each in kept] == [text(number) for number in range(50)]


@pytest.mark.parametrize(("status", "body"), [(302, b""), (307, b"{}"), (308, b"<html>")])
async def test_a_redirect_is_neither_followed_nor_passed_on(status: int, body: bytes) -> None:
    moved = whole(status, body, location="http://127.0.0.1:9/v1/responses")
    async with raw_model(sends(moved)) as url, recording_of(url) as client:
        with pytest.raises(openai.InternalServerError, match="Set BACKSCROLL_MODEL_URL") as failed:
            await responded(client, input="one")
    assert (failed.value.status_code, failed.value.code) == (502, "model_server_redirects")
    assert "location" not in failed.value.response.headers


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_key_that_an_error_quotes_is_not_passed_on(encoding: str) -> None:
    body = b'{"error": {"message": "Incorrect API key provided: sk-operator-1"}}'
    body = gzip.compress(body) if encoding == "gzip" else body
    refused = whole(401, body, content_encoding=encoding)
    async with (
        raw_model(sends(refused)) as url,
        recording_of(url, key="sk-operator-1") as client,
    ):
        for answering in (responded(client, input="one"), client.models.list()):
            with pytest.raises(openai.AuthenticationError) as failed:
                await answering
            assert failed.value.body == {"message": "Incorrect API key provided: [redacted]"}


QUOTED = "Incorrect API key provided: sk-operator-1"


@pytest.mark.parametrize(
    "events",
    [
        event_bytes("error", code="invalid_api_key", message=QUOTED),
        event_bytes("response.failed", response={"id": "resp_1", "error": {"message": QUOTED}}),
        b'data: {"error": {"message": "' + QUOTED.encode() + b'"}}\n\n',
        b'data: {"error":\ndata: {"message": "' + QUOTED.encode() + b'"}}\n\n',
        b": " + QUOTED.encode() + b"\n\n",
    ],
)
async def test_a_key_that_an_error_within_a_stream_quotes_is_neither_passed_on_nor_kept(
    events: bytes,
) -> None:
    begun = {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}
    stream = event_bytes("response.created", response=begun) + events

    async def in_two_parts(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        middle = len(STREAM + stream) - 20  # within the key
        for part in ((STREAM + stream)[:middle], (STREAM + stream)[middle:]):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)

    async with raw_model(in_two_parts) as url, recording_of(url, key="sk-operator-1") as client:
        async with httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http:
            asked_for = {"model": "m", "input": "one", "stream": True}
            passed = (await http.post("responses", json=asked_for)).text
            unread = (await http.post("audio/speech", json={})).text
        (kept,) = await listed(client, "/responses")
    for found in (passed, unread, json.dumps(kept)):
        assert "sk-operator" not in found
    assert "Incorrect API key provided: [redacted]" in passed
    assert "Incorrect API key provided: [redacted]" in unread


@pytest.mark.parametrize("status", [200, 401])
async def test_a_key_that_a_whole_error_quotes_is_not_passed_on_whatever_its_status(
    status: int,
) -> None:
    body = json.dumps({"error": {"message": QUOTED}}).encode()
    async with (
        raw_model(sends(whole(status, body, content_type="application/json"))) as url,
        recording_of(url, key="sk-operator-1") as client,
        httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http,
    ):
        passed = await http.post("responses", json={"model": "m", "input": "one"})
    assert passed.json() == {"error": {"message": "Incorrect API key provided: [redacted]"}}


@pytest.mark.parametrize(
    ("key", "escaped"),
    [
        ("sk/a+b", r"sk\/a+b"),
        ("sk/a+b=", r"sk/a\u002Bb="),  # .NET
        ("sk<a", r"sk\u003ca"),  # Go
        ('sk-"q', r"sk-\"q"),
        ("sk-\\", r"sk-\\"),
    ],
)
@pytest.mark.parametrize("path", ["responses", "audio/speech"])
async def test_a_key_is_redacted_in_headers_and_as_json_escapes_it(
    key: str, escaped: str, path: str
) -> None:
    body = b'{"error": {"message": "Incorrect: ' + escaped.encode() + b'"}}'
    refused = whole(401, body, www_authenticate=f"Bearer {key}", x_request_id="1")
    async with (
        raw_model(sends(refused)) as url,
        recording_of(url, key=key) as client,
        httpx2.AsyncClient(base_url=client.base_url, verify=NO_TLS) as http,
    ):
        passed = await http.post(path, json={"model": "m", "input": "one"})
    assert passed.json() == {"error": {"message": "Incorrect: [redacted]"}}
    assert passed.headers["www-authenticate"] == "Bearer [redacted]"
    assert passed.headers["x-request-id"] == "1"


async def test_an_answer_that_has_the_key_s_text_but_is_no_error_is_unchanged() -> None:
    ended: dict[str, Any] = {"id": "resp_1", "object": "response", "status": "completed"}
    ended |= {"output": [], "tool_choice": "none"}
    stream = event_bytes("response.completed", response=ended)
    for answer in (STREAM + stream, whole(200, json.dumps(ended).encode())):
        async with raw_model(sends(answer)) as url, recording_of(url, key="none") as client:
            streams = answer.startswith(STREAM)
            found = await responded(client, input="one", stream=streams)
        assert found.tool_choice == "none"


async def test_a_server_that_sends_interim_answers_without_end_is_given_up() -> None:
    async def interim(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with (
        asyncio.timeout(limit_s(5)),
        raw_model(interim) as url,
        recording_of(url, answer_s=0.3) as client,
    ):
        for answering in (responded(client, input="one"), client.models.list()):
            with pytest.raises(openai.InternalServerError) as late:
                await answering
            assert (late.value.status_code, late.value.code) == (504, "model_server_timeout")


async def test_the_media_type_of_a_stream_may_be_in_capitals() -> None:
    ended = {"id": "resp_1", "object": "response", "status": "completed", "output": []}
    stream = event_bytes("response.completed", response=ended)
    answer = whole(200, stream, content_type="Text/Event-Stream")
    async with raw_model(sends(answer)) as url, recording_of(url) as client:
        found = await responded(client, input="one", stream=True)
        kept = await client.responses.retrieve(found.id)
    assert (found.status, kept.status) == ("completed", "completed")


async def test_an_answer_that_is_too_large_to_be_recorded_is_an_error_unless_it_need_not_be() -> (
    None
):
    message = {"role": "assistant", "content": "y" * (32 * 1024 * 1024)}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    body = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice]})
    answer = whole(200, body.encode(), content_type="application/json")
    async with raw_model(sends(answer)) as url, recording_of(url) as client:
        with pytest.raises(openai.InternalServerError) as failed:
            await completed(client, model="m", messages=asked("one"), store=True)
        passed = await completed(client, model="m", messages=asked("one"))
    assert failed.value.code == "model_server_answer_too_large"
    assert passed.choices[0].message.content == message["content"]
