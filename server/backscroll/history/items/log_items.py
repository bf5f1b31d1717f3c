"""Builds the items of session logs, and cuts their long texts.

Logs contain the output of commands and the content of files, which can have any length.
"""

from typing import Any, Final

from pydantic_core import to_json

from backscroll.history.items.keys import bounded_key
from backscroll.history.items.openai_items import (
    call_item,
    message_item,
    output_item,
    reasoning_item,
)
from backscroll.history.reading.texts import TEXT_CHARS, binary_note, cut_note, kept_text
from backscroll.store.envelopes import JSON

_UNPRINTABLE: Final = "[a value that is nested too deeply]"


def message(role: str, text: str) -> JSON:
    """Return a message.

    Args:
        role: `user` or `assistant`.
        text: the text, which `kept_text` cuts if it is long.
    """
    return message_item(role, kept_text(text))


def function_call(call_id: str, name: str, arguments: object) -> JSON:
    """Return a call of a tool.

    Args:
        call_id: the id that the output refers to.
        name: the name of the tool.
        arguments: JSON text, or any value that becomes JSON text.
    """
    text = arguments if isinstance(arguments, str) else json_text(arguments)
    if len(text) > TEXT_CHARS:
        text = json_text({"cut": text[:TEXT_CHARS] + cut_note(len(text), "characters")})
    return call_item(call_id, name, kept_text(text))


def function_call_output(call_id: str, output: str) -> JSON:
    """Return the output of a call."""
    return output_item(call_id, kept_text(output))


def reasoning(text: str) -> JSON:
    """Return what a model thought before it answered."""
    return reasoning_item((), (kept_text(text),))


def item_key(*parts: object) -> str:
    """Return a key that joins the parts by hyphens. A hash replaces a key that is too long."""
    return bounded_key("-".join(map(str, parts)))


def json_text(value: object) -> str:
    """Return a value as JSON text."""
    try:
        return to_json(value).decode()
    except ValueError:
        return _UNPRINTABLE


def base64_note(source: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return the type and size of an image or a document, such as `[image/png, 70 bytes]`.

    Args:
        source: an object with a `url`, or with `data` in base64 and perhaps a `media_type`.
    """
    if not isinstance(source, dict):
        return "[image]"
    url, data, kind = source.get("url"), source.get("data"), source.get("media_type")
    if isinstance(url, str):
        return binary_note(url, len(url)) or f"[image: {url}]"
    shown = kind if isinstance(kind, str) and kind else "image"
    if not isinstance(data, str):
        return f"[{shown}]"
    if data.startswith("["):  # `long_lines` replaced the base64 by a note
        return data.replace("[base64,", f"[{shown},")
    size = len(data) * 3 // 4 - data[-2:].count("=")
    return f"[{shown}, {size} bytes]"
