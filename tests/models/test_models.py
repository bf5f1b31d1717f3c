"""The scripted model server, asked by the official client."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest

from tests.loopback import NO_TLS
from tests.models.dialects import (
    AZURE,
    CODEX,
    DIALECTS,
    GEMINI,
    GROQ,
    LITELLM,
    LLAMA_CPP,
    LM_STUDIO,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    VLLM,
    Dialect,
)
from tests.models.process import ModelServer, model_here, model_server

JSON = dict[str, Any]


def client_of(server: ModelServer) -> openai.AsyncOpenAI:
    http = openai.DefaultAsyncHttpxClient(verify=NO_TLS)
    return openai.AsyncOpenAI(base_url=server.url, api_key="key", http_client=http)


@pytest.fixture
async def openai_server() -> AsyncIterator[ModelServer]:
    async with model_here(OPENAI) as server:
        yield server


def said(text: str, **more: Any) -> JSON:  # noqa: ANN401 - any field of a request
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


async def lines(server: ModelServer, path: str, body: JSON) -> list[str]:
    async with httpx2.AsyncClient(verify=NO_TLS) as client:
        reply = await client.post(f"{server.url}{path}", json=body)
        return reply.text.splitlines()


def data(found: list[str]) -> list[JSON]:
    return [json.loads(line[6:]) for line in found if line.startswith("data: {")]


async def test_a_completion_streamed_is_the_completion_whole(openai_server: ModelServer) -> None:
    script = '/say Hello there\n/call weather {"city": "Oslo"}\n/call time {}'
    async with client_of(openai_server) as client:
        whole = await client.chat.completions.create(**said(script, n=3, logprobs=True))
        async with client.chat.completions.stream(
            **said(script, n=3, logprobs=True, stream_options={"include_usage": True})
        ) as stream:
            streamed = await stream.get_final_completion()

    left_out: Any = {"choices": {"__all__": {"message": {"tool_calls", "parsed"}}}, "id": True}
    assert [choice.message.content for choice in whole.choices] == [
        "Hello there",
        "Hello there (1)",
        "Hello there (2)",
    ]
    assert streamed.model_dump(exclude=left_out) == whole.model_dump(exclude=left_out)
    for one, other in zip(whole.choices, streamed.choices, strict=True):
        calls = other.message.tool_calls or []
        assert [call.to_dict() for call in one.message.tool_calls or []] == [
            {key: value for key, value in call.to_dict().items() if key != "index"}
            | {"function": {"name": call.function.name, "arguments": call.function.arguments}}
            for call in calls
        ]


async def test_tools_are_called_once_and_their_output_is_answered(
    openai_server: ModelServer,
) -> None:
    async with client_of(openai_server) as client:
        first = await client.responses.create(model="m", input='/call weather {"city": "Oslo"}')
        call = first.output[0]
        assert call.type == "function_call"
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "-3 °C"}
        second = await client.responses.create(
            model="m",
            input=[output],  # type: ignore[list-item]  # a dictionary is what people write
            previous_response_id=first.id,
        )

    assert (call.name, call.arguments) == ("weather", '{"city": "Oslo"}')
    assert second.output_text == "The tools said: -3 °C"


async def test_a_response_streamed_is_the_response_whole(openai_server: ModelServer) -> None:
    script = "/reason Let me see.\n/say It is cold.\n/cite https://met.example Weather"
    async with client_of(openai_server) as client:
        whole = await client.responses.create(model="m", input=script)
        async with client.responses.stream(model="m", input=script) as stream:
            kinds = [event.type async for event in stream]
            streamed = await stream.get_final_response()

    changing = {"id", "output"}
    assert streamed.model_dump(exclude=changing) == whole.model_dump(exclude=changing)
    assert streamed.output_text == whole.output_text == "It is cold."
    assert (kinds[:2], kinds[-1]) == (
        ["response.created", "response.in_progress"],
        "response.completed",
    )


async def test_images_and_schemas_are_seen(openai_server: ModelServer) -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    shape = {"type": "object", "properties": {"city": {"type": "string"}, "n": {"type": "integer"}}}
    content = [{"type": "input_text", "text": "Look"}, image]
    async with client_of(openai_server) as client:
        seen = await client.responses.create(
            model="m",
            input=[{"role": "user", "content": content}],  # type: ignore[list-item, misc]  # as people write it
        )
        form = {"type": "json_schema", "json_schema": {"name": "s", "schema": shape}}
        structured = await client.chat.completions.create(**said("Where?", response_format=form))

    assert seen.output_text == "You said: Look (with images: 1)"
    assert json.loads(structured.choices[0].message.content or "") == {"city": "text", "n": 1}


async def test_a_response_in_the_background_moves_on_and_is_cancelled(
    openai_server: ModelServer,
) -> None:
    async with client_of(openai_server) as client:
        first = await client.responses.create(model="m", input="one", background=True)
        seen = [(await client.responses.retrieve(first.id)).status for _ in range(3)]
        second = await client.responses.create(model="m", input="two", background=True)
        cancelled = [(await client.responses.cancel(second.id)).status for _ in range(2)]
        replayed = [
            event.sequence_number
            async for event in await client.responses.retrieve(
                first.id, stream=True, starting_after=5
            )
        ]

    assert (first.status, seen) == ("queued", ["queued", "in_progress", "completed"])
    assert cancelled == ["cancelled", "cancelled"]
    assert (replayed[0], replayed) == (6, list(range(6, 6 + len(replayed))))


async def test_an_error_is_told_once_and_the_client_tries_again(openai_server: ModelServer) -> None:
    async with client_of(openai_server) as client:
        answered = await client.chat.completions.create(**said("/error-once 503 busy\n/say well"))
        with pytest.raises(openai.BadRequestError, match="no such thing"):
            await client.chat.completions.create(**said("/error 400 no such thing"))
        asked = await openai_server.asked()

    assert answered.choices[0].message.content == "well"
    assert len(asked) == 3
    assert {each["headers"]["authorization"] for each in asked} == {"Bearer key"}


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("/cut 3", openai.APIConnectionError),
        ("/error-inside 3 gone", openai.APIError),
        ("/garble 3", json.JSONDecodeError),
    ],
)
async def test_a_stream_breaks_where_the_script_says(
    openai_server: ModelServer, command: str, error: type[Exception]
) -> None:
    words: list[str | None] = []
    script = said(f"one two three\n{command}")

    async def read() -> None:
        async with client_of(openai_server) as client:
            async for chunk in await client.chat.completions.create(stream=True, **script):
                words.extend(choice.delta.content for choice in chunk.choices)

    with pytest.raises(error):
        await read()

    assert words == ["", "You ", "said: "]


async def test_a_stream_stops_without_its_last_event(openai_server: ModelServer) -> None:
    found = await lines(openai_server, "/responses", {"input": "one two\n/stop 6", "stream": True})

    assert [event["type"] for event in data(found)][-1] == "response.output_text.delta"


async def test_an_event_is_huge_and_a_stream_has_no_end(openai_server: ModelServer) -> None:
    huge = await lines(openai_server, "/chat/completions", said("/huge 3000000", stream=True))
    count = 0
    async with client_of(openai_server) as client:
        stream = await client.chat.completions.create(stream=True, **said("on and\n/endless"))
        async for _ in stream:
            count += 1
            if count == 500:
                break
        await stream.close()

    assert max(map(len, huge)) > 3_000_000
    assert count == 500


async def test_other_answers_are_pages_compressed_or_not_of_text(
    openai_server: ModelServer,
) -> None:
    async with httpx2.AsyncClient(verify=NO_TLS, base_url=openai_server.url) as client:
        page = await client.post("/chat/completions", json=said("/html 200"))
        compressed = await client.post("/chat/completions", json=said("/gzip\n/say ok"))
        sound = await client.post("/audio/speech", json={"input": "hm"})
        missing = await client.get("/files")
    async with client_of(openai_server) as official:
        vectors = await official.embeddings.create(model="m", input=["a b", "c"])
        models = await official.models.list()

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert compressed.headers["content-encoding"] == "gzip"
    assert compressed.json()["choices"][0]["message"]["content"] == "ok"
    assert (sound.content, base64.b64encode(sound.content)) == (
        b"ID3\x00\xffhm",
        b"SUQzAP9obQ==",
    )
    assert missing.json()["error"]["message"] == "Unknown request URL: GET /v1/files."
    assert [each.embedding for each in vectors.data] == [[3.0, 2.0, 0.5], [1.0, 1.0, 0.5]]
    assert [model.id for model in models.data] == ["scripted"]


async def chunks_of(dialect: Dialect, script: str, **more: Any) -> list[JSON]:  # noqa: ANN401 - any field of a request
    async with model_here(dialect) as server:
        return data(await lines(server, "/chat/completions", said(script, stream=True, **more)))


def calls_in(chunks: list[JSON]) -> list[JSON]:
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    return [call for delta in deltas for call in delta.get("tool_calls", [])]


async def test_each_dialect_has_what_it_is_known_for() -> None:
    script = '/reason hm\n/say ok\n/call f {"a": 1}'

    azure = await chunks_of(AZURE, script)
    assert (azure[0]["id"], azure[0]["choices"]) == ("", [])
    assert [chunk["id"] for chunk in azure if "offsets" in str(chunk)] == [""]
    async with model_here(OLLAMA) as server:
        bodies = [
            data(await lines(server, "/chat/completions", said("x", stream=True))) for _ in range(3)
        ]
    assert [body[0]["id"] for body in bodies] == ["chatcmpl-1", "chatcmpl-0", "chatcmpl-1"]
    assert "reasoning_content" in str(await chunks_of(LLAMA_CPP, script))
    assert "finish_reason" not in str(await chunks_of(LM_STUDIO, script))
    openrouter = await chunks_of(OPENROUTER, "/error-inside 2 out of credit")
    assert openrouter[-1]["error"]["code"] == 502
    litellm = await chunks_of(LITELLM, script)
    assert {call["id"] for call in calls_in(litellm)} == {None}
    called = calls_in(await chunks_of(GEMINI, script))
    function = {"name": "f", "arguments": '{"a": 1}'}
    assert called == [{"id": "call_0_0_f", "type": "function", "function": function}]


async def test_each_dialect_treats_the_state_of_responses_as_it_is_known_to() -> None:
    asked = {"input": "x", "previous_response_id": "resp_x"}
    found: dict[str, tuple[int, str]] = {}
    for dialect in (OPENAI, OLLAMA, VLLM, LLAMA_CPP, OPENROUTER):
        async with (
            model_here(dialect) as server,
            httpx2.AsyncClient(verify=NO_TLS, base_url=server.url) as client,
        ):
            reply = await client.post("/responses", json=asked)
            error = reply.json()["error"] or {"message": "answered"}
            found[dialect.name] = (reply.status_code, error["message"])

    unknown = "Previous response with id 'resp_x' not found."
    assert found == {
        "OpenAI": (400, unknown),
        "Ollama": (200, "answered"),
        "vLLM": (404, unknown),
        "llama.cpp": (400, "llama.cpp does not support 'previous_response_id'."),
        "OpenRouter": (400, "OpenRouter does not support 'previous_response_id'."),
    }


async def test_a_response_that_lm_studio_streamed_is_not_found_by_its_id() -> None:
    async with model_here(LM_STUDIO) as server, client_of(server) as client:
        whole = await client.responses.create(model="m", input="x")
        async with client.responses.stream(model="m", input="x") as stream:
            streamed = await stream.get_final_response()
        found = await client.responses.retrieve(whole.id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(streamed.id)

    assert found.id == whole.id


async def test_litellm_renames_the_header_that_says_when_to_try_again() -> None:
    async with (
        model_here(LITELLM) as server,
        httpx2.AsyncClient(verify=NO_TLS, base_url=server.url) as client,
    ):
        reply = await client.post("/chat/completions", json=said("/error 429 busy"))

    assert (reply.status_code, reply.headers["llm_provider-retry-after"]) == (429, "0")
    assert "retry-after" not in reply.headers


async def test_groq_refuses_reasoning_that_comes_back() -> None:
    message = {"role": "assistant", "content": "x", "reasoning_content": "hm"}
    async with (
        model_here(GROQ) as server,
        httpx2.AsyncClient(verify=NO_TLS, base_url=server.url) as client,
    ):
        reply = await client.post("/chat/completions", json={"messages": [message]})

    assert reply.status_code == 400


async def test_the_output_of_codexs_last_event_is_empty() -> None:
    async with model_here(CODEX) as server:
        found = data(await lines(server, "/responses", {"input": "x", "stream": True}))

    assert found[-1]["type"] == "response.completed"
    assert found[-1]["response"]["output"] == []


async def test_a_server_is_a_process_that_tells_what_it_was_asked() -> None:
    async with model_server(OPENAI) as server, client_of(server) as client:
        await client.chat.completions.create(**said("hi", store=True))
        last = await server.last()

    assert (last["method"], last["path"]) == ("POST", "/v1/chat/completions")
    assert last["body"] == said("hi", store=True)
    assert last["headers"]["authorization"] == "Bearer key"


def test_dialects_have_names_of_their_own() -> None:
    names = [dialect.name for dialect in DIALECTS]

    assert len(names) == len(set(names)) == 14
