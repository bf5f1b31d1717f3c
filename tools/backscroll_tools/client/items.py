"""Converts the items of conversations and responses to messages.

An item of type `message` is a message. A call of a tool becomes a message of the role `assistant`,
and the output of a tool a message of the role `tool`. All other items, such as reasoning, are
hidden. The kinds of items are from OpenAI's published API documents; new kinds are added often, so
unknown kinds are recognised by the end of their names (docs/upstreams.md).
"""

from collections.abc import Iterator, Sequence
from typing import Final, cast

from backscroll_tools.client import objects
from backscroll_tools.client.abridging import CHARS
from backscroll_tools.models import JSON, Message
from backscroll_tools.render import compact

CALL: Final = "assistant"
OUTPUT: Final = "tool"

_MESSAGES: Final = frozenset({"message", "output_message"})
"""The types of messages. Azure AI Foundry also has `output_message`."""

_CALLS: Final = frozenset({"command_execution", "agent_message"})
"""The types of calls, in agent sessions, whose names do not end like those of other calls."""

_HIDDEN: Final = frozenset({"tool_search_call", "tool_search_output", "program_output"})
"""The types of items that are hidden although they end with `_call` or `_output`. Such items have
no content for agents."""

_KEPT: Final = ("name", "call_id")
"""The fields of calls and outputs that become fields of the message."""

_CALL_TEXTS: Final = (
    "arguments",
    "input",
    "code",
    "action",
    "command",
    "operation",
    "queries",
    "query",
    "revised_prompt",
    "content",
    "heading",
    "summary",
    "tasks",
    "widget",
)
"""The fields of a call that contain what the tool was asked to do. The message contains them in
this order."""

_OUTPUT_TEXTS: Final = ("output", "outputs", "results", "result", "error")
"""The fields of a call or an output that contain what the tool returned."""

_INNER_TEXTS: Final = (
    "command",
    "commands",
    "diff",
    "query",
    "queries",
    "stdout",
    "stderr",
    "logs",
    "text",
    "url",
    "pattern",
    "message",
    "heading",
    "summary",
)
"""The fields that become separate texts of the message, in an object inside a call or an output.
All other fields of the object together become one text, as JSON."""


_FILES: Final = frozenset({"computer_screenshot", "file", "image", "image_file", "image_url"})
"""The types of files and images inside an output, except those that start with `input_` or
`output_`."""


def is_message(raw: JSON) -> bool:
    """Whether an item is a message. An item without a type counts as a message."""
    kind = raw.get("type")
    return kind is None or (isinstance(kind, str) and kind in _MESSAGES)


def is_shown(raw: JSON) -> bool:
    """Whether an item is a message, a call of a tool, or the output of a tool."""
    return is_message(raw) or bool(_role(raw))


def shown(raw: JSON) -> Message:
    """Return the message for an item; see `is_shown`."""
    role = "" if is_message(raw) else _role(raw)
    if not role:
        return objects.message(raw)
    remaining = dict(raw)
    match remaining.get("action"):
        case {"sources": sources, **others}:  # the pages that a web search found
            remaining |= {"action": others, "sources": sources}
        case _:
            pass
    asked = _taken(remaining, _CALL_TEXTS)
    returned = _taken(remaining, _OUTPUT_TEXTS)
    label = [_text("\nOutput:")] if asked and returned else []
    kept = {
        name: remaining.pop(name)
        for name in _KEPT
        if isinstance(remaining.get(name), str) and remaining[name]
    }
    item = objects.message({**remaining, "role": role, "content": [*asked, *label, *returned]})
    item["type"] = str(raw["type"])
    for name, value in kept.items():
        cast("JSON", item)[name] = value
    return item


def _role(raw: JSON) -> str:
    """Return the role of the message for a call or an output; empty for any other item."""
    kind = raw.get("type")
    if not isinstance(kind, str) or kind in _HIDDEN:
        return ""
    if kind.endswith(("_output", "_result")):
        return OUTPUT
    return CALL if kind.endswith("_call") or kind in _CALLS else ""


def _taken(remaining: JSON, names: Sequence[str]) -> list[JSON]:
    """Remove fields from an item, and return their content as parts of a message."""
    parts: list[JSON] = []
    for name in names:
        value = remaining.get(name)
        if not value:
            continue
        if isinstance(value, str):
            if name == "result":  # an image, in base64
                continue
            chars = remaining.pop(f"{name}{CHARS}", None)
            parts.append(_text(value, chars))
        else:
            parts += _parts(value)
        del remaining[name]
    return parts


def _parts(value: object) -> Iterator[JSON]:
    """Yield the content of a field as parts of a message. Files and images are not changed."""
    match value:
        case str():
            yield _text(value)
        case list():
            rows = cast("list[object]", value)
            if rows and all(isinstance(row, str) for row in rows):
                yield _text(" ".join(map(str, rows)))
                return
            for row in rows:
                yield from _parts(row)
        case dict():
            yield from _inner(cast("JSON", value))
        case None:
            pass
        case _:
            yield _text(compact(value))


def _inner(value: JSON) -> Iterator[JSON]:
    kind = value.get("type")
    if isinstance(kind, str) and kind in objects.TEXTS and isinstance(value.get("text"), str):
        yield value
        return
    if isinstance(kind, str) and (kind in _FILES or kind.startswith(("input_", "output_"))):
        yield value
        return
    found = [name for name in _INNER_TEXTS if value.get(name)]
    if not found:
        yield _text(compact(value))
        return
    rest = {name: inner for name, inner in value.items() if name not in found and inner}
    rest = {name: inner for name, inner in rest.items() if not name.endswith(CHARS)}
    if rest.keys() - {"type"}:
        yield _text(compact(rest))
    for name in found:
        inner = value[name]
        if isinstance(inner, str):
            yield _text(inner, value.get(f"{name}{CHARS}"))
        else:
            yield from _parts(inner)


def _text(text: str, chars: object = None) -> JSON:
    return {"type": "text", "text": text, **({f"text{CHARS}": chars} if chars else {})}
