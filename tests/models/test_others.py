"""Model servers that others wrote: what they stream is what they answer whole."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from backscroll.store.recorder.assembling.assembly import Assembled
from backscroll.store.recorder.assembling.completion_stream import completion_stream
from backscroll.store.recorder.assembling.response_stream import response_stream
from backscroll.store.recorder.assembling.rewriting import (
    EventRewriter,
    completion_change,
    response_change,
)
from backscroll.store.recorder.assembling.whole import read_completion, read_response
from tests.loopback import NO_TLS
from tests.models.process import aimock, llama_cpp
from tests.models.script import JSON

GREEDY: JSON = {"model": "tiny", "max_tokens": 24, "max_output_tokens": 24, "temperature": 0}
CHANGES = {
    "/chat/completions": completion_change("chatcmpl-mine"),
    "/responses": response_change({"id": "resp_mine", "store": True}),
}


@pytest.fixture
async def llama() -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        llama_cpp() as server,
        httpx2.AsyncClient(base_url=server.url, verify=NO_TLS) as client,
    ):
        yield client


@pytest.fixture
async def mock() -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        aimock() as server,
        httpx2.AsyncClient(base_url=server.url, verify=NO_TLS) as client,
    ):
        yield client


def asking(path: str, text: str, **more: Any) -> JSON:  # noqa: ANN401 - any field of a request
    """Return a request to this path."""
    messages = [{"role": "user", "content": text}]
    return {**({"input": text} if path == "/responses" else {"messages": messages}), **more}


async def both(client: httpx2.AsyncClient, path: str, body: JSON) -> tuple[Assembled, Assembled]:
    """Return the answer whole, and the answer as it is assembled from its stream, renamed."""
    reads = {"/chat/completions": read_completion, "/responses": read_response}
    options = {"stream_options": {"include_usage": True}} if "messages" in body else {}
    whole = reads[path]((await client.post(path, json=body)).content)
    assembly = completion_stream(body.get("n", 1)) if "messages" in body else response_stream()
    rewriter = EventRewriter(CHANGES[path])
    async with client.stream("POST", path, json={**body, **options, "stream": True}) as reply:
        async for piece in reply.aiter_bytes():
            assembly.feed(rewriter.feed(piece))
        assembly.feed(rewriter.finish())
    return whole, assembly.finish()


def said(value: JSON) -> list[JSON]:
    """Return the choices of a completion, or the output of a response, without random ids.

    Some servers leave out fields that are null.
    """
    found: list[JSON] = value["choices"] if "choices" in value else value["output"]
    return [plain(each) for each in found]


def plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        named = {key: each for key, each in value.items() if key not in ("id", "call_id")}
        return {key: plain(each) for key, each in named.items() if each is not None}
    return [plain(each) for each in value] if isinstance(value, list) else value


async def test_llama_cpp_streams_the_completion_that_it_sends_whole(
    llama: httpx2.AsyncClient,
) -> None:
    asked = asking("/chat/completions", "hi", **GREEDY, n=2)
    whole, streamed = await both(llama, "/chat/completions", asked)

    assert (whole.complete, streamed.complete) == (True, True)
    assert streamed.object["id"] == "chatcmpl-mine"
    assert said(streamed.object) == said(whole.object)
    assert len(said(whole.object)[0]["message"]["content"]) > 50
    assert streamed.object["usage"]["prompt_tokens"] == whole.object["usage"]["prompt_tokens"]


async def test_llama_cpp_streams_the_response_that_it_sends_whole(
    llama: httpx2.AsyncClient,
) -> None:
    whole, streamed = await both(llama, "/responses", asking("/responses", "hi", **GREEDY))

    assert (whole.complete, streamed.complete) == (True, True)
    assert (streamed.object["id"], streamed.object["store"]) == ("resp_mine", True)
    assert said(streamed.object) == said(whole.object)
    assert len(said(whole.object)[0]["content"][0]["text"]) > 50
    assert streamed.object["usage"]["output_tokens"] == 24


async def test_llama_cpp_refuses_a_previous_response(llama: httpx2.AsyncClient) -> None:
    asked = asking("/responses", "hi", previous_response_id="resp_1")
    reply = await llama.post("/responses", json=asked)

    found = read_response(reply.content)
    assert (reply.status_code, found.reason) == (400, "error")
    assert found.error == {
        "code": 400,
        "message": "llama.cpp does not support 'previous_response_id'.",
        "type": "invalid_request_error",
    }


@pytest.mark.parametrize("path", ["/chat/completions", "/responses"])
@pytest.mark.parametrize("text", ["hello", "weather", "think"])
async def test_aimock_streams_what_it_sends_whole(
    mock: httpx2.AsyncClient, path: str, text: str
) -> None:
    whole, streamed = await both(mock, path, asking(path, text, model="m"))

    assert (whole.complete, streamed.complete) == (True, True)
    assert streamed.object["id"] in ("chatcmpl-mine", "resp_mine")
    assert said(streamed.object) == said(whole.object)


async def test_aimock_answers_with_an_error(mock: httpx2.AsyncClient) -> None:
    reply = await mock.post("/responses", json=asking("/responses", "fail", model="m"))

    found = read_response(reply.content)
    assert (reply.status_code, found.complete, found.reason) == (429, False, "error")
    assert (found.error or {})["message"] == "Too many requests."
