"""Reads the messages of an Open WebUI export.

A message has its tool calls and reasoning in `output`, as items of OpenAI's API, and its `content`
repeats them as `<details>` elements. Older messages have only the `<details>` elements.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from backscroll.history.items.item_list import ItemList, MessageParts
from backscroll.history.items.openai_items import Part, file_part, reasoning, role_of
from backscroll.history.reading.fields import first_text, mapping, objects_of, string, strings_in
from backscroll.history.reading.times import unix_seconds

_BEGIN: Final = "<details"
_END: Final = "</details>"
_ATTRIBUTE: Final = re.compile(r'(?<![a-zA-Z_-])([a-zA-Z_-]++)="([^"]*)"')
_SUMMARY: Final = re.compile(r"\A\s*<summary>[^<]*</summary>\s*")
_QUOTED: Final = re.compile(r"^> ?", re.MULTILINE)
_REASONING: Final = "reasoning"
_CALLS: Final = "tool_calls"
_CODE: Final = "code_interpreter"
_NOT_TEXT: Final = frozenset({"type", "id", "call_id", "status", "url"})
"""Fields of a part, an error or an `output` item that are never taken as text or arguments."""


def add_message(items: ItemList, key: str, found: Mapping[str, Any]) -> None:
    """Append the items of a message.

    Args:
        items: the items of the branch before the message.
        key: the message's id.
        found: the message.
    """
    at = unix_seconds(found.get("timestamp"))
    parts = MessageParts(items, key, role_of(string(found.get("role"))), at)
    output = objects_of(found.get("output"))
    content = found.get("content")
    text = ""
    if output:
        for number, item in enumerate(output):
            _add_output_item(items, parts, number, item, at)
        text = "\n".join(text for text, *_ in _sections(string(content)) if text)
    elif isinstance(content, str):
        for number, (before, fields, inside) in enumerate(_sections(content)):
            parts.add(2 * number, [before])
            if fields:
                _add_details(items, parts.own_key(2 * number + 1), fields, inside, at)
    else:
        parts.add(0, strings_in(content, _NOT_TEXT))
    if not text.strip():
        text = "\n".join(strings_in(found.get("error"), _NOT_TEXT))
    parts.end(text, _files(found))


def _add_output_item(
    items: ItemList, parts: MessageParts, number: int, item: Mapping[str, Any], at: int | None
) -> None:
    match item.get("type"):
        case "message":
            parts.add(number, _texts(item.get("content")))
        case "reasoning":
            summary, content = _texts(item.get("summary")), _texts(item.get("content"))
            items.add(parts.own_key(number), reasoning(summary, content), at)
        case "function_call":
            name, call_id = string(item.get("name")), string(item.get("call_id"))
            arguments = item.get("arguments", {})
            items.add_call(parts.own_key(number), name, arguments, at, call_id)
        case "function_call_output":
            texts: list[Part] = [*_texts(item.get("output"))]
            call_id = string(item.get("call_id"))
            items.add_output(parts.own_key(number), texts, at, call_id=call_id)
        case kind:
            name = string(kind).removeprefix("open_webui:")
            arguments = {field: item[field] for field in item if field not in _NOT_TEXT}
            items.add_call(parts.own_key(number), name, arguments, at)


def _texts(content: object) -> list[str]:
    """Return the texts of an item's content, which is a text or a list of parts."""
    return list(strings_in(content, _NOT_TEXT))


def _sections(content: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """Yield each `<details>` element of reasoning, a tool call or code, with the text before it.

    Yields:
        The text, the element's attributes, and the content of the element. The last text has no
        element after it, so its attributes are empty.
    """
    begun = at = 0
    while (at := content.find(_BEGIN, at)) >= 0:
        opened = content.find(">", at)
        end = content.find(_END, opened)
        if opened < 0 or end < 0:
            break
        written = _ATTRIBUTE.findall(content[at:opened])
        fields = {name: html.unescape(value) for name, value in written}
        if fields.get("type") in {_REASONING, _CALLS, _CODE}:
            yield content[begun:at].strip("\n"), fields, content[opened + 1 : end]
            begun = end + len(_END)
        at = end
    yield content[begun:].strip("\n"), {}, ""


def _add_details(
    items: ItemList, key: str, fields: Mapping[str, str], inside: str, at: int | None
) -> None:
    text = _SUMMARY.sub("", inside).strip()
    if fields["type"] == _REASONING:
        thought = _QUOTED.sub("", html.unescape(text))
        items.add(key, reasoning([], [thought]), at)
        return
    is_code = fields["type"] == _CODE
    arguments = text if is_code else fields.get("arguments", "{}")
    name, call_id = fields.get("name") or fields["type"], fields.get("id", "")
    result = fields.get("output" if is_code else "result") or ("" if is_code else text)
    items.add_call(key, name, _unquoted(arguments), at, call_id)
    items.add_output(f"{key}/output", [result], at, call_id=call_id or key)


def _unquoted(arguments: str) -> str:
    """Return arguments as a JSON object. Some versions write it into a JSON string."""
    if arguments.startswith('"{') and arguments.endswith('}"'):
        return arguments[1:-1].replace('\\"', '"')
    return arguments


def _files(found: Mapping[str, Any]) -> Iterator[Part]:
    for file in objects_of(found.get("files")):
        inner = mapping(file.get("file"))
        name = first_text(file, "name", "filename") or first_text(inner, "filename", "name")
        name = name or string(file.get("type"))
        if name:
            yield file_part(name)
