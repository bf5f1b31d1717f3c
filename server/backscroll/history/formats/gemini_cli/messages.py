"""Converts a message of a Gemini CLI session to items."""

from collections.abc import Iterator
from typing import Any, Final

from backscroll.history.items import log_items
from backscroll.history.reading.fields import sequence, text_in
from backscroll.store.envelopes import JSON

_MODEL: Final = frozenset({"gemini", "model", "assistant"})
_CONTEXT: Final = "<session_context>"

Body = tuple[str, JSON]
"""A suffix for the key of an item, and the item. The suffix is unique within the message."""


def items_of(message: JSON) -> Iterator[Body]:
    """Yield the items of a message. Notices of the program, such as errors, have none."""
    kind = message.get("type")
    if kind == "user":
        text = text_of(message.get("displayContent")) or text_of(message.get("content"))
        if text.strip() and not text.lstrip().startswith(_CONTEXT):
            yield "text", log_items.message("user", text)
    elif isinstance(kind, str) and kind in _MODEL:
        for number, thought in enumerate(sequence(message.get("thoughts"))):
            if text := _thought(thought):
                yield f"thought-{number}", log_items.reasoning(text)
        if (text := text_of(message.get("content"))).strip():
            yield "text", log_items.message("assistant", text)
        ids = set[str]()
        for number, call in enumerate(sequence(message.get("toolCalls"))):
            if isinstance(call, dict):
                call_id = call.get("id")
                if not isinstance(call_id, str) or call_id in ids:
                    call_id = f"call-{number}"
                ids.add(call_id)
                yield from _call(call, call_id)


def text_of(content: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the text of a content: a string, a part, or a list of strings and parts."""
    parts = content if isinstance(content, list) else [content]
    return "\n".join(filter(None, map(_part_text, parts)))


def _part_text(part: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(part, str):
        return part
    if not isinstance(part, dict) or part.get("thought") is True:
        return ""
    if isinstance(part.get("text"), str):
        return str(part["text"])
    if isinstance(data := part.get("inlineData"), dict):
        return log_items.base64_note({**data, "media_type": data.get("mimeType")})
    if isinstance(data := part.get("fileData"), dict):
        return f"[file: {data.get('fileUri')}]"
    return ""


def _thought(thought: Any) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(thought, dict):
        return thought if isinstance(thought, str) else ""
    parts = (thought.get("subject"), thought.get("description"))
    return ": ".join(part for part in parts if isinstance(part, str) and part)


def _call(call: JSON, call_id: str) -> Iterator[Body]:
    arguments = call.get("args", {})
    yield f"call-{call_id}", log_items.function_call(call_id, text_in(call, "name"), arguments)
    output = _result(call.get("result")) or text_in(call, "resultDisplay")
    if output:
        yield f"output-{call_id}", log_items.function_call_output(call_id, output)


def _result(result: Any) -> str:  # noqa: ANN401 - any JSON value
    parts = result if isinstance(result, list) else [result]
    return "\n".join(filter(None, map(_result_part, parts)))


def _result_part(part: Any) -> str:  # noqa: ANN401 - any JSON value
    response = part.get("functionResponse") if isinstance(part, dict) else None
    if not isinstance(response, dict):
        return _part_text(part)
    value = response.get("response")
    if isinstance(value, dict):
        value = value.get("output", value.get("error", value))
    return value if isinstance(value, str) else "" if value is None else log_items.json_text(value)
