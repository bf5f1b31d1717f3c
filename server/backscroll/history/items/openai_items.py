"""Builds items as OpenAI's conversations API accepts them.

The functions whose names end in `_item` use their arguments unchanged. The other functions convert
values of other programs.

Source: `InputItem` in OpenAI's OpenAPI document of 2026-08-21.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from backscroll.history.reading.fields import as_text, json_text
from backscroll.store.conversation_object import MAX_ITEM_TEXT
from backscroll.store.envelopes import JSON

Part = str | JSON
"""A part of a message: a text, or a part as the API accepts it, such as a file."""

_ROLES: Final = {
    **{role: role for role in ("user", "assistant", "system", "developer", "tool")},
    **{role: role for role in ("critic", "discriminator")},
    "human": "user",
    **dict.fromkeys(
        ("ai", "bard", "bing", "bot", "chatgpt", "gemini", "gpt", "model"), "assistant"
    ),
}
"""The roles of other programs, in lower case, and OpenAI's role for each."""

_CHECKED: Final = 1_000_000
"""The maximum length of arguments that are parsed to find out if they are JSON, in characters."""


def role_of(name: str) -> str:
    """Return OpenAI's role for a name in another program; `unknown` if it has none."""
    return _ROLES.get(name.lower(), "unknown")


def message_item(role: str, content: str | list[JSON]) -> JSON:
    """Return a message."""
    return {"type": "message", "role": role, "content": content}


def call_item(call_id: str, name: str, arguments: str) -> JSON:
    """Return a tool call, whose arguments are JSON text of an object."""
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def output_item(call_id: str, output: str | list[JSON]) -> JSON:
    """Return the output of a tool call."""
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def reasoning_item(summary: Iterable[str], content: Iterable[str]) -> JSON:
    """Return a model's reasoning. If `content` is empty, the item lacks the field `content`."""
    item: JSON = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in summary],
    }
    whole = [{"type": "reasoning_text", "text": text} for text in content]
    return {**item, "content": whole} if whole else item


def message(role: str, parts: Iterable[Part]) -> JSON | None:
    """Return a message; None if it has no file, and its text is blank.

    A text that is longer than the API allows is divided into several parts.
    """
    kept = list(_divided(part for part in parts if part))
    if not any(isinstance(part, dict) or part.strip() for part in kept):
        return None
    kind = "output_text" if role == "assistant" else "input_text"
    content: str | list[JSON]
    match kept:
        case [str(text)]:
            content = text
        case _:
            content = [_part(kind, part) for part in kept]
    return message_item(role, content)


def function_call(call_id: str, name: str, arguments: object) -> JSON:
    """Return a tool call.

    Args:
        call_id: the id that the tool's output names.
        name: the name of the tool. An empty name becomes `tool`.
        arguments: JSON text, or a JSON value. Anything but an object becomes the argument `input`,
            because the API requires an object. An empty value becomes an empty object.
    """
    if isinstance(arguments, str):
        written, is_object = arguments, _is_object(arguments)
    else:
        written = json_text(arguments)
        is_object = written.startswith("{")
    if not arguments:
        written = "{}"
    elif not is_object:
        # If the value is nested too deeply to be written as JSON, `written` has only its strings.
        written = json_text({"input": arguments if as_text(arguments) else written})
    return call_item(call_id, name or "tool", written)


def function_call_output(call_id: str, parts: Sequence[Part]) -> JSON | None:
    """Return the output of a tool call; None if it has neither files nor text."""
    kept = [part for part in parts if part]
    if not kept:
        return None
    output: str | list[JSON]
    if any(isinstance(part, dict) for part in kept):
        output = [_part("input_text", part) for part in kept]
    else:
        output = "\n".join(part for part in kept if isinstance(part, str))
    return output_item(call_id, output)


def reasoning(summary: Iterable[str], content: Iterable[str] = ()) -> JSON | None:
    """Return a model's reasoning; None if it has no text.

    Args:
        summary: the summary that the program showed.
        content: the full text of the reasoning.
    """
    item = reasoning_item(filter(str.strip, summary), filter(str.strip, content))
    return item if item["summary"] or "content" in item else None


def file_part(filename: str, file_id: str = "") -> JSON:
    """Return a part for an attached file, which has a name, an id, or both."""
    names = {"file_id": file_id, "filename": filename}
    return {"type": "input_file", **{name: value for name, value in names.items() if value}}


def image_part(file_id: str) -> JSON:
    """Return a part for an attached image that has an id but no known file name."""
    return {"type": "input_image", "file_id": file_id, "detail": "auto"}


def _divided(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        if isinstance(part, str) and len(part) > MAX_ITEM_TEXT:
            for at in range(0, len(part), MAX_ITEM_TEXT):
                yield part[at : at + MAX_ITEM_TEXT]
        else:
            yield part


def _part(kind: str, part: Part) -> JSON:
    return {"type": kind, "text": part} if isinstance(part, str) else part


def _is_object(text: str) -> bool:
    if not text[:1_000].lstrip().startswith("{") or not text[-1_000:].rstrip().endswith("}"):
        return False
    try:
        return len(text) > _CHECKED or isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
