"""What passes through: other requests, headers both ways, and compressed bodies."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import zstandard
from starlette.types import Message, Receive, Scope, Send

from backscroll.store.app import open_store
from backscroll.store.recorder.model_server import ModelServer
from tests.loopback import NO_TLS, served
from tests.store.recorder.recording import Recording, listed, recording, responded

BODY = json.dumps({"model": "m", "input": "Hello"}).encode()
JSON_TYPE = {"Content-Type": "application/json"}


def http(here: Recording, **headers: str) -> httpx2.AsyncClient:
    """Return a client that sends what it is told to."""
    return httpx2.AsyncClient(base_url=here.url, verify=NO_TLS, headers=headers)


async def test_models_embeddings_and_audio_are_the_model_server_s(here: Recording) -> None:
    models = await here.client.models.list()
    vectors = await here.client.embeddings.create(model="m", input=["a b", "c"])
    sound = await here.client.audio.speech.create(model="m", voice="v", input="Hello")
    assert [model.id for model in models.data] == ["scripted"]
    assert [each.embedding for each in vectors.data] == [[3.0, 2.0, 0.5], [1.0, 1.0, 0.5]]
    assert sound.content == b"ID3\x00\xffHello"
    assert sound.response.headers["content-type"] == "audio/mpeg"


async def test_what_neither_serves_is_answered_by_the_model_server(here: Recording) -> None:
    async with http(here) as client:
        files = await client.get("/files?limit=2", headers={"Accept-Encoding": "br"})
        form = await client.post(
            "/files", files={"file": ("a.txt", b"text")}, data={"purpose": "x"}
        )
        tokens = await client.post("/responses/input_tokens", json={"input": "x"})
        run = await client.post("/threads/runs", json={})
    for reply in (files, form, tokens, run):
        assert reply.status_code == 404
        assert reply.json()["error"]["code"] == "unknown_url"
    asked = await here.model.asked()
    assert [each["path"] for each in asked] == [
        "/v1/files",
        "/v1/files",
        "/v1/responses/input_tokens",
        "/v1/threads/runs",
    ]
    assert asked[0]["query"] == "limit=2"
    assert asked[0]["headers"]["accept-encoding"] == "br"
    assert 'filename="a.txt"' in asked[1]["body"]


async def test_what_the_store_serves_never_reaches_the_model_server(here: Recording) -> None:
    conversation = await here.client.conversations.create()
    await here.client.conversations.items.list(conversation.id)
    async with http(here) as client:
        wrong_method = await client.put("/threads")
        outside = await client.get(f"{here.url.removesuffix('/v1')}/unknown")
    assert wrong_method.status_code == 405
    assert outside.status_code == 404
    assert await listed(here.client, "/responses") == []
    assert await here.model.asked() == []


@pytest.mark.parametrize(
    "path", ["/../admin", "/%2e%2e/admin", "/models/..%5cadmin", "/a/.%2E/admin", "/..\\admin"]
)
async def test_a_path_that_leaves_the_api_is_refused(here: Recording, path: str) -> None:
    raw = {"raw_path": f"/v1{path}".encode(), "path": f"/v1{path}", "query_string": b""}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the caller stays
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "headers": [], "root_path": "", **raw}
    await here.store.app(scope, receive, send)
    assert sent[0]["status"] == 404
    assert await here.model.asked() == []


async def test_the_caller_s_own_key_is_passed_on_and_no_hop_by_hop_header(here: Recording) -> None:
    sent = {
        "Authorization": "Bearer sk-caller",
        "OpenAI-Organization": "org",
        "OpenAI-Beta": "x=1",
        "Cookie": "session=1",
        "Connection": "X-Hop",
        "X-Hop": "1",
        "TE": "trailers",
        "Proxy-Authorization": "Basic eA==",
        "Idempotency-Key": "k",
    }
    async with http(here, **sent) as client:
        await client.post("/responses", content=BODY, headers=JSON_TYPE)
        await client.get("/models")
    for asked in await here.model.asked():
        headers = asked["headers"]
        assert headers["authorization"] == "Bearer sk-caller"
        assert headers["openai-organization"] == "org"
        assert headers["openai-beta"] == "x=1"
        unwanted = {"cookie", "x-hop", "te", "proxy-authorization", "upgrade"}
        assert unwanted.isdisjoint(headers)
        assert headers["host"] in here.model.url


async def test_the_operator_s_key_replaces_what_callers_send() -> None:
    sent = {"Authorization": "Bearer sk-caller", "api-key": "k", "OpenAI-Project": "ada"}
    async with recording(key="sk-operator") as here, http(here, **sent) as client:
        reply = await client.post("/responses", content=BODY, headers=JSON_TYPE)
        await client.get("/models")
        asked = await here.model.asked()
        of_others = await listed(here.client, "/responses")
        own = await client.get("/responses")
    for each in asked:
        assert each["headers"]["authorization"] == "Bearer sk-operator"
        assert each["headers"]["accept-encoding"] == "identity"
        assert {"api-key", "openai-project"}.isdisjoint(each["headers"])
    assert of_others == []
    assert [each["id"] for each in own.json()["data"]] == [reply.json()["id"]]


async def test_the_headers_of_the_answer_are_passed_back_without_cookies(here: Recording) -> None:
    async with http(here) as client:
        whole = await client.post("/responses", content=BODY, headers=JSON_TYPE)
        body = {"model": "m", "input": "Hello", "stream": True}
        stream = await client.post("/responses", json=body)
    for reply in (whole, stream):
        assert reply.headers["x-request-id"].startswith("req_")
        assert reply.headers["openai-processing-ms"] == "12"
        assert reply.headers["x-ratelimit-remaining-requests"] == "4999"
        assert "set-cookie" not in reply.headers
    assert int(whole.headers["content-length"]) == len(whole.content)
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"


@asynccontextmanager
async def in_front_of(app: Any) -> AsyncIterator[httpx2.AsyncClient]:  # noqa: ANN401 - an ASGI application
    """Run a recorder in front of an application."""
    async with (
        served(app) as origin,
        open_store("sqlite://", model_server=ModelServer(url=origin)) as store,
        served(store.app) as recorder,
        httpx2.AsyncClient(base_url=f"{recorder}/v1", verify=NO_TLS) as client,
    ):
        yield client


async def test_a_web_page_can_neither_read_an_answer_nor_send_a_form() -> None:
    passed: list[str] = []

    async def open_to_all(scope: Scope, _receive: Receive, send: Send) -> None:
        passed.append(scope["path"])
        headers = [(b"access-control-allow-origin", b"*"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async with in_front_of(open_to_all) as client:
        read = await client.get("/models")
        form = {"Content-Type": "text/plain", "Origin": "https://evil.example"}
        posted = await client.post("/files", content=b"x", headers=form)
        asked = await client.post("/responses", content=BODY, headers=form)
        local = await client.post(
            "/files", content=b"x", headers={"Origin": "http://localhost:5173"}
        )
    assert "access-control-allow-origin" not in read.headers
    assert (posted.status_code, posted.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert (asked.status_code, asked.json()["error"]["code"]) == (400, "unsupported_content_type")
    assert local.text == "ok"
    assert passed == ["/v1/models", "/v1/files"]


@pytest.mark.parametrize("path", ["/responses", "/realtime?model=m"])
async def test_a_websocket_is_refused_at_once(here: Recording, path: str) -> None:
    asks = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    async with http(here) as client:
        reply = await client.get(path, headers=asks)
    assert (reply.status_code, reply.json()["error"]["code"]) == (426, "websocket_not_served")
    assert reply.headers["upgrade"] == "HTTP/1.1"
    assert await here.model.asked() == []


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY)),
        ("x-gzip", gzip.compress(BODY)),
        ("zstd", zstandard.compress(BODY)),
        ("identity", BODY),
    ],
    ids=["gzip", "x-gzip", "zstd", "identity"],
)
async def test_a_compressed_request_is_passed_on_decompressed(
    here: Recording, encoding: str, body: bytes
) -> None:
    async with http(here) as client:
        headers = {**JSON_TYPE, "Content-Encoding": encoding}
        reply = await client.post("/responses", content=body, headers=headers)
    asked = await here.model.last()
    assert reply.json()["output"][0]["content"][0]["text"] == "You said: Hello"
    assert asked["body"] == json.loads(BODY)
    assert "content-encoding" not in asked["headers"]


@pytest.mark.parametrize(
    ("encoding", "body", "status", "code"),
    [
        ("gzip", gzip.compress(b" " * 40_000_000), 413, "request_too_large"),
        ("zstd", zstandard.compress(b" " * 40_000_000), 413, "request_too_large"),
        ("gzip", gzip.compress(BODY)[:-9], 400, "invalid_content_encoding"),
        ("gzip", b"no gzip", 400, "invalid_content_encoding"),
        ("zstd", b"no zstd", 400, "invalid_content_encoding"),
        ("br", BODY, 415, "unsupported_content_encoding"),
        ("identity", b"[]", 400, "invalid_json"),
        ("identity", b"{", 400, "invalid_json"),
    ],
    ids=[
        *("gzip, too large", "zstd, too large", "gzip, cut short", "no gzip", "no zstd"),
        *("br", "an array", "no JSON"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(
    here: Recording, encoding: str, body: bytes, status: int, code: str
) -> None:
    async with http(here) as client:
        headers = {**JSON_TYPE, "Content-Encoding": encoding}
        for path in ("/responses", "/chat/completions"):
            reply = await client.post(path, content=body, headers=headers)
            assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert await here.model.asked() == []


async def test_an_upload_is_bounded() -> None:
    async with recording(upload_bytes=100_000) as here, http(here) as client:
        small = await client.post("/files", content=b"x" * 100_000)
        large = await client.post("/files", content=b"x" * 100_001)
    assert small.status_code == 404
    assert (large.status_code, large.json()["error"]["code"]) == (413, "request_too_large")


async def test_a_url_without_a_path_is_the_base_of_v1(here: Recording) -> None:
    server = ModelServer(url=here.model.url.removesuffix("/v1"))
    async with (
        open_store("sqlite://", model_server=server) as store,
        served(store.app) as origin,
        here.client.with_options(base_url=f"{origin}/v1") as client,
    ):
        assert (await responded(client, input="Hello")).output_text == "You said: Hello"
