"""Requests for every kind of answer, in both APIs, for clients of any language."""

from typing import Any, Final, TypeAlias

JSON: TypeAlias = dict[str, Any]

PIXEL: Final = "data:image/png;base64,iVBORw0KGgo="
CITY: Final[JSON] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
    "additionalProperties": False,
}
WEATHER: Final[JSON] = {
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CALLS: Final = '/call weather {"city": "Oslo"}\n/call weather {"city": "Rome"}'
WORDS: Final = "/say Tromsø 🎉 日本語, one two three."


def _user(content: Any) -> list[JSON]:  # noqa: ANN401 - text or parts
    return [{"role": "user", "content": content}]


_CALLED: Final[JSON] = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
}

COMPLETIONS: Final[dict[str, JSON]] = {
    "text": {"messages": _user(WORDS)},
    "compressed answer": {"messages": _user(f"/gzip\n{WORDS}")},
    "instructions": {"messages": [{"role": "developer", "content": "Be brief."}, *_user(WORDS)]},
    "reasoning": {"messages": _user("/reason Think well.\n/say Done.")},
    "refusal": {"messages": _user("/refuse That is not possible.")},
    "citation": {"messages": _user("/say See there.\n/cite https://a.example A page")},
    "three choices": {"messages": _user(WORDS), "n": 3},
    "tools": {
        "messages": _user(CALLS),
        "tools": [{"type": "function", "function": WEATHER}],
        "n": 3,
    },
    "output of a tool": {
        "messages": [
            *_user(CALLS),
            {"role": "assistant", "content": None, "tool_calls": [_CALLED]},
            {"role": "tool", "tool_call_id": "call_1", "content": "9 degrees"},
        ],
        "tools": [{"type": "function", "function": WEATHER}],
    },
    "image": {
        "messages": _user(
            [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": PIXEL}},
            ]
        )
    },
    "audio": {
        "messages": _user("/say Listen."),
        "modalities": ["text", "audio"],
        "audio": {"voice": "alloy", "format": "wav"},
    },
    "logprobs": {"messages": _user(WORDS), "logprobs": True},
    "structured output": {
        "messages": _user("Which?"),
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "city", "strict": True, "schema": CITY},
        },
    },
}
"""Requests of chat completions, without `model`."""

RESPONSES: Final[dict[str, JSON]] = {
    "text": {"input": WORDS},
    "compressed answer": {"input": f"/gzip\n{WORDS}"},
    "instructions": {"input": WORDS, "instructions": "Be brief."},
    "reasoning": {"input": "/reason Think well.\n/say Done."},
    "refusal": {"input": "/refuse That is not possible."},
    "citation": {"input": "/say See there.\n/cite https://a.example A page"},
    "tools": {"input": CALLS, "tools": [{"type": "function", "strict": False, **WEATHER}]},
    "output of a tool": {
        "input": [
            *_user(CALLS),
            {"type": "function_call", "call_id": "call_1", **_CALLED["function"]},
            {"type": "function_call_output", "call_id": "call_1", "output": "9 degrees"},
        ]
    },
    "image": {
        "input": _user(
            [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
            ]
        )
    },
    "structured output": {
        "input": "Which?",
        "text": {"format": {"type": "json_schema", "name": "city", "strict": True, "schema": CITY}},
    },
}
"""Requests of responses, without `model`."""
