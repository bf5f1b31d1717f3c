"""Writes a recorded chat completion as the chunks of a stream."""

from typing import Any, Final

from backscroll.database.json_text import dump_json
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.asked import Asked

_OF_CHUNK: Final = ("id", "created", "model", "service_tier", "system_fingerprint")


def completion_events(asked: Asked, completion: JSON) -> bytes | None:
    """Return the chunks of a completion: two for each choice, then the usage, then `[DONE]`.

    The result is None if the caller does not ask for a stream.

    Args:
        asked: the request.
        completion: the recorded completion.
    """
    if not asked.streams:
        return None
    common: JSON = {name: completion[name] for name in _OF_CHUNK if name in completion}
    common["object"] = "chat.completion.chunk"
    chunks = [
        {**common, "choices": [part]}
        for choice in completion["choices"]
        for part in (_content(choice), _end(choice))
    ]
    options = asked.body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage") is True:
        chunks = [{**chunk, "usage": None} for chunk in chunks]
        chunks.append({**common, "choices": [], "usage": completion.get("usage")})
    data = (*map(dump_json, chunks), "[DONE]")
    return "".join(f"data: {each}\n\n" for each in data).encode()


def _content(choice: JSON) -> JSON:
    message: JSON = choice.get("message") or {}
    delta = {name: value for name, value in message.items() if value is not None}
    calls = delta.get("tool_calls")
    if isinstance(calls, list):
        delta["tool_calls"] = [_with_index(index, call) for index, call in enumerate(calls)]
    part = {"index": choice.get("index", 0), "delta": delta, "finish_reason": None}
    return {**part, "logprobs": choice.get("logprobs")}


def _with_index(index: int, call: Any) -> Any:  # noqa: ANN401 - any JSON value
    return {"index": index, **call} if isinstance(call, dict) else call


def _end(choice: JSON) -> JSON:
    reason = choice.get("finish_reason")
    return {"index": choice.get("index", 0), "delta": {}, "finish_reason": reason}
