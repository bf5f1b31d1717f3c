"""Reads the messages of a Claude.ai export.

Source: the fields of exports from 2024 to 2026, as published converters describe them. Anthropic
does not document them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from backscroll.history.items.item_list import ItemList, MessageParts
from backscroll.history.items.keys import digest
from backscroll.history.items.openai_items import Part, file_part, message, reasoning, role_of
from backscroll.history.reading.fields import (
    first_text,
    json_text,
    mapping,
    objects_of,
    string,
    strings_in,
)
from backscroll.history.reading.times import unix_seconds

_STUB: Final = "This block is not supported on your current device yet."
_STUBS: Final = (f"```\n{_STUB}\n```", _STUB)
"""The placeholders in a message's `text` for blocks that are not text."""

_NOT_SHOWN: Final = frozenset(
    {"token_budget", "injected_prompt_block", "redacted_thinking", "flag"}
)
"""Types of blocks that Claude.ai does not show."""

_FILES: Final = frozenset({"document", "image"})
_NOT_TEXT: Final = frozenset(
    {"type", "id", "uuid", "file_uuid", "start_timestamp", "stop_timestamp", "tool_use_id"}
)
"""Fields that are left out of the text of an unknown block."""


def with_keys(
    messages: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield pairs of a message's id and the message.

    A missing id is replaced with a hash of the message and of the previous message's id.
    """
    key = ""
    for found in messages:
        key = string(found.get("uuid")) or digest(key, *strings_in(found))
        yield key, found


def add_message(items: ItemList, key: str, found: Mapping[str, Any]) -> None:
    """Append the items of a message.

    Args:
        items: the items of the branch before the message.
        key: the message's id.
        found: the message.
    """
    content = found.get("content")
    design = mapping(content)  # only in design chats, `content` is an object and not a list
    at = unix_seconds(found.get("created_at")) or unix_seconds(design.get("timestamp"))
    role = role_of(first_text(found, "sender", "role"))
    parts = MessageParts(items, key, role, at)
    blocks = (content, design.get("contentBlocks"), found.get("contentBlocks"))
    for number, block in enumerate(next(filter(None, map(objects_of, blocks)), [])):
        kind = string(block.get("type"))
        if kind in _OWN_ITEM:
            _OWN_ITEM[kind](items, parts.own_key(number), block, at)
        elif kind not in _NOT_SHOWN:
            parts.add(number, _shown(kind, block))
    parts.end(_own_text(found, design), _attached(found, design))


def _own_text(found: Mapping[str, Any], design: Mapping[str, Any]) -> str:
    """Return the text of a message that has no block of text."""
    text = string(found.get("text")) or string(found.get("content"))
    text = text or string(design.get("content"))
    for stub in _STUBS:
        text = text.replace(stub, "")
    return text if text.strip() else ""


def _attached(found: Mapping[str, Any], design: Mapping[str, Any]) -> Iterator[Part]:
    """Yield the name of each attached file, and its text if the export contains the text.

    A long text that the user pasted is an attachment too, often without a name.
    """
    attachments = objects_of(found.get("attachments")) + objects_of(design.get("attachments"))
    for each in attachments:
        name = first_text(each, "file_name", "name")
        if name:
            yield file_part(name)
        yield first_text(each, "extracted_content", "content")
    for each in objects_of(found.get("files")):
        name = first_text(each, "file_name", "name", "file_uuid", "uuid")
        if name:
            yield file_part(name)


def _shown(kind: str, block: Mapping[str, Any]) -> Iterator[Part]:
    """Yield the text or the file of a block that is part of a message."""
    if kind == "text" and isinstance(block.get("text"), str):
        text = string(block.get("text"))
        if text.strip():
            yield "\n".join((text, *_citations(block, text)))
    elif kind in _FILES:
        name = first_text(block, "file_name", "title", "name", "file_uuid")
        if name:
            yield file_part(name)
    else:
        yield from strings_in(block, _NOT_TEXT)


def _citations(block: Mapping[str, Any], text: str) -> Iterator[str]:
    """Yield a line for each source of a block, unless the block's text has the source's URL."""
    known = set()
    for citation in objects_of(block.get("citations")):
        details = mapping(citation.get("details"))
        url = string(details.get("url")) or string(citation.get("url"))
        if url and url not in known and url not in text:
            known.add(url)
            title = string(citation.get("title")) or string(details.get("title")) or url
            yield f"[{title}]({url})"


def _add_thinking(items: ItemList, key: str, block: Mapping[str, Any], at: int | None) -> None:
    summaries = objects_of(block.get("summaries"))
    summary = [string(each.get("summary")) for each in summaries]
    items.add(key, reasoning(summary, [first_text(block, "thinking", "text")]), at)


def _add_call(items: ItemList, key: str, block: Mapping[str, Any], at: int | None) -> None:
    call = mapping(block.get("toolCall")) or block
    name, call_id = string(call.get("name")), string(call.get("id"))
    items.add_call(key, name, call.get("input", {}), at, call_id)
    for field in ("result", "output"):  # design chats have no separate block for the output
        if field in call:
            items.add_output(f"{key}/{field}", _output_texts(call[field]), at)


def _add_output(items: ItemList, key: str, block: Mapping[str, Any], at: int | None) -> None:
    name, call_id = string(block.get("name")), string(block.get("tool_use_id"))
    items.add_output(key, _output_texts(block.get("content")), at, name=name, call_id=call_id)


def _output_texts(content: object) -> list[Part]:
    texts: list[Part] = []
    for part in content if isinstance(content, list) else [content]:
        fields = mapping(part)
        if isinstance(part, str):
            texts.append(part)
        elif fields.get("type") == "text" and isinstance(fields.get("text"), str):
            texts.append(fields["text"])
        elif fields:
            texts += strings_in(fields, _NOT_TEXT) if "type" in fields else [json_text(fields)]
    return texts


def _add_interjection(items: ItemList, key: str, block: Mapping[str, Any], at: int | None) -> None:
    """Append what the user said while Claude was working."""
    items.add(key, message("user", strings_in(block, _NOT_TEXT)), at)


_OWN_ITEM: Final = {
    "thinking": _add_thinking,
    "tool_use": _add_call,
    "tool_call": _add_call,
    "tool_result": _add_output,
    "user_interjection": _add_interjection,
}
"""Types of blocks that become separate items, and the function that adds such an item."""
