"""How model servers differ from OpenAI's API: each server is one value.

Source: shared facts on model servers (their source code, documents and issues), and recordings of
llama.cpp's server and of aimock.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from tests.models.script import JSON

Frame: TypeAlias = JSON | str
"""The data of an event, or lines that are sent as they are."""

State: TypeAlias = Literal["keeps", "refuses", "ignores", "forgets", "refuses storing"]
"""What a server does with responses.

- `keeps`: it keeps them, and continues them.
- `refuses`: it keeps none, and refuses `previous_response_id`.
- `ignores`: it keeps none, and ignores `previous_response_id`.
- `forgets`: it keeps none, answers that `store` is false, and finds no previous response.
- `refuses storing`: it keeps none, and refuses `previous_response_id` and `store: true`.
"""

NO_MODERATION: Final = {"hate": {"filtered": False, "severity": "safe"}}


def minted(prefix: str, number: int) -> str:
    """Return an id that no other request gets."""
    return prefix + hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[:29]


def _openai_error(status: int, message: str, code: str | None) -> JSON:
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _same(value: JSON) -> JSON:
    return value


def _plain(chunks: list[JSON], _body: JSON) -> list[Frame]:
    return list(chunks)


def _plain_events(events: list[JSON]) -> list[JSON]:
    return events


def _no_headers(_number: int) -> dict[str, str]:
    return {}


def _nothing_refused(_body: JSON) -> str | None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """One model server.

    Attributes:
        name: its name.
        source: where its behaviour is known from.
        completion_id: the id of the completion that answers the request of this number.
        response_id: the same, of a response.
        state: what it does with responses.
        whole: changes a completion that is not streamed.
        frames: changes the chunks of a stream, given the request's body.
        events: changes the events of a response's stream.
        headers: the headers of the answer to the request of this number.
        error: the body of an error, from its status, message and code.
        refused: why it refuses a request's body; None if it does not.
        retry_header: the header that says when to try again, in seconds.
        keeps_streams: whether a response that was streamed is known by the id in its stream.
        sends_done: whether a stream of chunks ends with `[DONE]`.
        line_end: what its lines end with.
    """

    name: str
    source: str
    completion_id: Callable[[int], str] = lambda number: minted("chatcmpl-", number)
    response_id: Callable[[int], str] = lambda number: minted("resp_", number)
    state: State = "refuses"
    whole: Callable[[JSON], JSON] = _same
    frames: Callable[[list[JSON], JSON], list[Frame]] = _plain
    events: Callable[[list[JSON]], list[JSON]] = _plain_events
    headers: Callable[[int], dict[str, str]] = _no_headers
    error: Callable[[int, str, str | None], JSON] = _openai_error
    refused: Callable[[JSON], str | None] = _nothing_refused
    retry_header: str = "retry-after"
    keeps_streams: bool = True
    sends_done: bool = True
    line_end: str = "\n"

    def __str__(self) -> str:
        return self.name


def _choices(chunk: JSON, change: Callable[[JSON], JSON]) -> JSON:
    """Return a chunk, or a completion, with each choice changed."""
    return {**chunk, "choices": [change(choice) for choice in chunk["choices"]]}


def _renamed(holder: JSON, name: str | None) -> JSON:
    """Return a choice whose reasoning has another name, or is hidden."""
    key = "delta" if "delta" in holder else "message"
    inside = dict(holder[key])
    text = inside.pop("reasoning", None)
    if text is not None and name is not None:
        inside[name] = text
    return {**holder, key: inside}


def _reasoning_as(name: str | None) -> Callable[[JSON], JSON]:
    return lambda whole: _choices(whole, lambda choice: _renamed(choice, name))


# OpenAI


def _openai_frames(chunks: list[JSON], body: JSON) -> list[Frame]:
    hidden = [
        chunk
        for chunk in map(_reasoning_as(None), chunks)
        if not chunk["choices"]
        or any(each["delta"] or each["finish_reason"] for each in chunk["choices"])
    ]
    if (body.get("stream_options") or {}).get("include_obfuscation") is False:
        return list(hidden)
    return [{**chunk, "obfuscation": "x" * (number % 7)} for number, chunk in enumerate(hidden)]


def _openai_events(events: list[JSON]) -> list[JSON]:
    return [
        {**event, "obfuscation": "x" * 5} if event["type"].endswith(".delta") else event
        for event in events
    ]


def _openai_headers(number: int) -> dict[str, str]:
    return {
        "x-request-id": minted("req_", number),
        "openai-processing-ms": "12",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-reset-requests": "12ms",
        "set-cookie": "__cf_bm=secret; path=/; HttpOnly",
    }


OPENAI: Final = Dialect(
    "OpenAI",
    "documents; openai-python",
    state="keeps",
    whole=_reasoning_as(None),
    frames=_openai_frames,
    events=_openai_events,
    headers=_openai_headers,
)


def _azure_frames(chunks: list[JSON], _body: JSON) -> list[Frame]:
    filtered = [{"prompt_index": 0, "content_filter_results": NO_MODERATION}]
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
    rest = [
        _choices(chunk, lambda choice: {**choice, "content_filter_results": NO_MODERATION})
        for chunk in map(_reasoning_as(None), chunks)
    ]
    late = {"index": 0, "finish_reason": None, "content_filter_results": NO_MODERATION}
    offsets = {"content_filter_offsets": {"check_offset": 0, "start_offset": 0, "end_offset": 9}}
    return [
        {**first, "prompt_filter_results": filtered},
        *rest[:-1],
        {**first, "choices": [late | offsets]},
        *rest[-1:],
    ]


AZURE: Final = Dialect(
    "Azure OpenAI",
    "documents; autogen#6465: a filter that works later sends chunks without a delta",
    state="keeps",
    whole=_reasoning_as(None),
    frames=_azure_frames,
    headers=lambda number: {"apim-request-id": minted("", number), "x-ms-region": "West Europe"},
)


# Servers that run models on one machine


def _ollama_chunk(chunk: JSON) -> JSON:
    return _choices(
        {key: each for key, each in chunk.items() if key != "service_tier"},
        lambda choice: {**choice, "delta": {"role": "assistant", "content": "", **choice["delta"]}},
    )


OLLAMA: Final = Dialect(
    "Ollama",
    "source: ids are random numbers up to 998, which collide",
    completion_id=lambda number: f"chatcmpl-{number % 2}",
    response_id=lambda number: f"resp_{number % 2}",
    state="ignores",
    frames=lambda chunks, _: [_ollama_chunk(chunk) for chunk in chunks],
)


def _vllm_chunk(chunk: JSON) -> JSON:
    return _choices(
        {**chunk, "prompt_token_ids": None},
        lambda choice: {**choice, "stop_reason": None, "token_ids": None},
    )


VLLM: Final = Dialect(
    "vLLM",
    "source; langchain#39008",
    state="forgets",
    frames=lambda chunks, _: [_vllm_chunk(chunk) for chunk in chunks],
)

VLLM_BEFORE: Final = Dialect(
    "vLLM before `reasoning`",
    "source",
    state="forgets",
    whole=_reasoning_as("reasoning_content"),
    frames=lambda chunks, _: [_reasoning_as("reasoning_content")(chunk) for chunk in chunks],
)


def _llama_cpp_frames(chunks: list[JSON], _body: JSON) -> list[Frame]:
    frames: list[Frame] = [_reasoning_as("reasoning_content")(chunk) for chunk in chunks]
    last = frames[-1]
    return [*frames[:-1], {**last, "timings": {"prompt_n": 22}} if isinstance(last, dict) else last]


def _llama_cpp_events(events: list[JSON]) -> list[JSON]:
    """Return events without numbers and places, of which the first two come again and again."""
    left_out = ("sequence_number", "output_index", "content_index", "summary_index", "logprobs")
    bare = [{key: event[key] for key in event if key not in left_out} for event in events]
    short = ("id", "object", "status")
    for event in bare[:2]:
        event["response"] = {key: event["response"][key] for key in short}
    again = [
        each
        for event in bare[2:]
        for each in ([*bare[:2], event] if event["type"].endswith("text.delta") else [event])
    ]
    return [*bare[:2], *again]


def _llama_cpp_error(status: int, message: str, _code: str | None) -> JSON:
    return {"error": {"code": status, "message": message, "type": "invalid_request_error"}}


LLAMA_CPP: Final = Dialect(
    "llama.cpp",
    "recorded from its server",
    whole=_reasoning_as("reasoning_content"),
    frames=_llama_cpp_frames,
    events=_llama_cpp_events,
    error=_llama_cpp_error,
)

LLAMA_CPP_PYTHON: Final = Dialect(
    "llama-cpp-python",
    "source: its events come from sse-starlette, whose lines end with CRLF",
    whole=_reasoning_as(None),
    frames=lambda chunks, _: [": ping - 2026-11-28 12:00:00", *map(_reasoning_as(None), chunks)],
    line_end="\r\n",
)


def _lm_studio_frames(chunks: list[JSON], _body: JSON) -> list[Frame]:
    return [
        _choices(chunk, lambda choice: {key: choice[key] for key in ("index", "delta")})
        for chunk in chunks
    ]


LM_STUDIO: Final = Dialect(
    "LM Studio",
    "flow-components#9195: finish_reason may be missing; bug-tracker#1188",
    state="keeps",
    keeps_streams=False,
    frames=_lm_studio_frames,
)


# Routers, and servers in the cloud


def _openrouter_chunk(chunk: JSON) -> JSON:
    def change(choice: JSON) -> JSON:
        delta = {"role": "assistant", "content": "", **choice["delta"]}
        if "reasoning" in delta:
            part = {"type": "reasoning.text", "text": delta["reasoning"], "index": 0}
            delta["reasoning_details"] = [{**part, "format": "unknown"}]
        reason = choice["finish_reason"]
        return {**choice, "delta": delta, "native_finish_reason": reason}

    return _choices({**chunk, "provider": "Scripted"}, change)


def _openrouter_frames(chunks: list[JSON], _body: JSON) -> list[Frame]:
    return [": OPENROUTER PROCESSING", *map(_openrouter_chunk, chunks)]


def _openrouter_error(status: int, message: str, _code: str | None) -> JSON:
    return {
        "error": {"code": status, "message": message, "metadata": {"provider_name": "Scripted"}}
    }


OPENROUTER: Final = Dialect(
    "OpenRouter",
    "documents",
    completion_id=lambda number: minted("gen-1795000000-", number),
    state="refuses storing",
    whole=lambda whole: {**whole, "provider": "Scripted"},
    frames=_openrouter_frames,
    headers=lambda number: {"x-generation-id": minted("gen-1795000000-", number)},
    error=_openrouter_error,
)


def _litellm_chunk(chunk: JSON) -> JSON:
    """Return a chunk whose tool calls have no ids."""

    def change(choice: JSON) -> JSON:
        delta = dict(choice["delta"])
        if "tool_calls" in delta:
            delta["tool_calls"] = [{**call, "id": None} for call in delta["tool_calls"]]
        return {**choice, "delta": delta}

    return _choices(chunk, change)


LITELLM: Final = Dialect(
    "LiteLLM",
    "documents; litellm#21553, #33223; recorded from its proxy: ids of 441 characters",
    response_id=lambda number: minted("resp_", number).ljust(440, "x") + "=",
    whole=_reasoning_as("reasoning_content"),
    frames=lambda chunks, _: [
        _litellm_chunk(_reasoning_as("reasoning_content")(c)) for c in chunks
    ],
    headers=lambda number: {"x-litellm-call-id": minted("", number)},
    retry_header="llm_provider-retry-after",
)


def _groq_frames(chunks: list[JSON], _body: JSON) -> list[Frame]:
    mark = {"x_groq": {"id": "req_scripted"}}
    return [{**chunk, **mark} if not number else chunk for number, chunk in enumerate(chunks)]


def _groq_refused(body: JSON) -> str | None:
    messages = body.get("messages") or []
    for number, message in enumerate(messages):
        if "reasoning_content" in message:
            return f"'messages.{number}' : property 'reasoning_content' is unsupported"
    return None


GROQ: Final = Dialect(
    "Groq",
    "req_llm#772",
    frames=_groq_frames,
    refused=_groq_refused,
    headers=lambda number: {"x-groq-region": "dub", "x-request-id": minted("req_", number)},
)


def _gemini_frames(chunks: list[JSON], _body: JSON) -> list[Frame]:
    """Return chunks whose tool calls are whole, and have no index; the last one is not repeated."""
    frames: list[Frame] = []
    calls: dict[int, list[JSON]] = {}
    for chunk in map(_reasoning_as(None), chunks):
        kept = []
        for choice in chunk["choices"]:
            parts = choice["delta"].get("tool_calls", [])
            known = calls.setdefault(choice["index"], [])
            for part in parts:
                _gather(known, part)
            if choice["finish_reason"] and known:
                kept.append({**choice, "delta": {"tool_calls": known}})
            elif not parts:
                kept.append(choice)
        if kept or not chunk["choices"]:
            frames.append({**chunk, "choices": kept})
    return frames


def _gather(known: list[JSON], part: JSON) -> None:
    if "id" in part:
        function = part["function"]
        known.append({"id": part["id"], "type": "function", "function": dict(function)})
    else:
        known[-1]["function"]["arguments"] += part["function"]["arguments"]


GEMINI: Final = Dialect(
    "Gemini's OpenAI endpoint",
    "openai-python#2806: tool calls have no index",
    whole=_reasoning_as(None),
    frames=_gemini_frames,
)


def _codex_events(events: list[JSON]) -> list[JSON]:
    last = events[-1]
    return [*events[:-1], {**last, "response": {**last["response"], "output": []}}]


CODEX: Final = Dialect(
    "Codex's backend",
    "open-webui#27800: the output of the last event is empty",
    state="refuses storing",
    events=_codex_events,
)

WITHOUT_DONE: Final = Dialect(
    "a server without [DONE]", "streams that end after the last chunk", sends_done=False
)

DIALECTS: Final = (
    OPENAI,
    AZURE,
    OLLAMA,
    VLLM,
    VLLM_BEFORE,
    LLAMA_CPP,
    LLAMA_CPP_PYTHON,
    LM_STUDIO,
    OPENROUTER,
    LITELLM,
    GROQ,
    GEMINI,
    CODEX,
    WITHOUT_DONE,
)

BY_NAME: Final = {dialect.name: dialect for dialect in DIALECTS}


def as_events(frames: list[Frame], dialect: Dialect) -> list[bytes]:
    """Return the bytes of each event of a stream."""
    end = dialect.line_end
    found = []
    for frame in frames:
        if isinstance(frame, str):
            found.append(f"{frame}{end}{end}".encode())
            continue
        name = f"event: {frame['type']}{end}" if "type" in frame else ""
        data = json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
        found.append(f"{name}data: {data}{end}{end}".encode())
    return found
