"""Reads the messages of a ChatGPT export.

Source: the fields of exports from 2023 to 2026, as published converters describe them. OpenAI does
not document them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from backscroll.history.formats.chatgpt.citations import resolved
from backscroll.history.items.item_list import ItemList
from backscroll.history.items.openai_items import (
    Part,
    file_part,
    image_part,
    message,
    reasoning,
    role_of,
)
from backscroll.history.reading.fields import (
    first_text,
    mapping,
    objects_of,
    sequence,
    string,
    strings_in,
)
from backscroll.history.reading.times import unix_seconds
from backscroll.store.envelopes import JSON

_PROFILE: Final = frozenset({"user_editable_context", "model_editable_context"})
"""Content types of the user's instructions and memories, which ChatGPT adds to conversations."""

_HIDDEN: Final = "is_visually_hidden_from_conversation"
_SYSTEM: Final = frozenset({"system", "developer"})
_TO_USER: Final = frozenset({"", "all"})
_FIELDS: Final[Mapping[str, Sequence[str]]] = {
    "code": ("text",),
    "execution_output": ("text",),
    "system_error": ("text",),
    "tether_browsing_display": ("result",),
    "tether_quote": ("title", "url", "text"),
    "sonic_webpage": ("title", "url", "text"),
}
"""The fields that contain a message's text, by content type.

The content types `text` and `multimodal_text` have the field `parts` instead.
"""

_NOT_TEXT: Final = frozenset({"content_type", "language", "response_format_name", "asset_pointer"})
"""Fields that are left out of the text of an unknown content type."""

_TRANSCRIPT: Final = "audio_transcription"
_IMAGE: Final = "image_asset_pointer"


def add_message(items: ItemList, key: str, node: Mapping[str, Any]) -> None:
    """Append the item of a message, if ChatGPT shows the message.

    Args:
        items: the items of the branch before the message.
        key: the id of the message's node in the conversation's tree.
        node: the node with the message. A root without a message is skipped.
    """
    found = mapping(node.get("message"))
    author, content = mapping(found.get("author")), mapping(found.get("content"))
    metadata = mapping(found.get("metadata"))
    role, name = string(author.get("role")), string(author.get("name"))
    kind = string(content.get("content_type"))
    recipient = string(found.get("recipient"))
    at = unix_seconds(found.get("create_time"))
    if not found or kind in _PROFILE or metadata.get(_HIDDEN) is True:
        return
    if role in _SYSTEM and metadata.get("is_user_system_message") is not True:
        return
    if kind == "thoughts":
        thoughts = objects_of(content.get("thoughts"))
        summary = [string(thought.get("summary")) for thought in thoughts]
        whole = [string(thought.get("content")) for thought in thoughts]
        items.add(key, reasoning(summary, whole), at)
    elif kind == "reasoning_recap":
        items.add(key, reasoning([string(content.get("content"))]), at)
    elif role == "tool":
        items.add_output(key, _parts(content, metadata), at, name=name)
    elif role == "assistant" and recipient not in _TO_USER:
        called = "\n".join(part for part in _parts(content, {}) if isinstance(part, str))
        items.add_call(key, recipient, called, at)
    elif found.get("weight") != 0:
        items.add(key, message(role_of(role), _parts(content, metadata)), at)


def model_of(line: Sequence[Mapping[str, Any]]) -> str:
    """Return the last model that the messages of a branch name; empty if they name none.

    Args:
        line: the nodes of the branch, oldest first.
    """
    known = (
        first_text(
            mapping(mapping(node.get("message")).get("metadata")),
            "model_slug",
            "default_model_slug",
        )
        for node in reversed(line)
    )
    return next(filter(None, known), "")


def _parts(content: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[Part]:
    """Return the texts and files of a message, in order; then the other files attached to it."""
    attached = [
        (string(each.get("id")), string(each.get("name")))
        for each in objects_of(metadata.get("attachments"))
    ]
    names = dict(attached)
    parts = [
        resolved(part, metadata) if isinstance(part, str) else part
        for part in _content_parts(content, names)
    ]
    shown = {part["file_id"] for part in parts if isinstance(part, dict) and "file_id" in part}
    rest = [
        file_part(name, file_id)
        for file_id, name in attached
        if file_id not in shown and (file_id or name)
    ]
    return [*parts, *rest]


def _content_parts(content: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Part]:
    kind = string(content.get("content_type"))
    fields = _FIELDS.get(kind)
    if fields and any(name in content for name in fields):
        yield "\n".join(filter(None, (string(content.get(name)) for name in fields)))
    elif isinstance(content.get("parts"), list):
        parts = sequence(content.get("parts"))
        spoken = any(mapping(part).get("content_type") == _TRANSCRIPT for part in parts)
        for part in parts:
            yield from _part(part, names, spoken=spoken)
    else:
        yield from strings_in(content, _NOT_TEXT)


def _part(part: object, names: Mapping[str, str], *, spoken: bool) -> Iterator[Part]:
    """Yield the texts and files of one part of a message.

    Args:
        part: a text, an object, or any other value.
        names: the names of attached files, by id.
        spoken: whether the message has a transcript, which replaces its recordings.
    """
    if isinstance(part, str):
        yield part
        return
    found = mapping(part)
    kind = string(found.get("content_type"))
    pointers = dict.fromkeys(_pointers(found))
    if kind == _TRANSCRIPT:
        yield string(found.get("text"))
    elif not pointers:
        yield from strings_in(part, _NOT_TEXT)
    elif kind == _IMAGE or not spoken:
        for pointer in pointers:
            yield _file(pointer, names, is_image=kind == _IMAGE)


def _pointers(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the pointers to files in a part, including the recordings of a video call."""
    for holder in (found, *map(mapping, found.values())):
        pointer = string(holder.get("asset_pointer"))
        if pointer:
            yield pointer
    video = string(found.get("video_container_asset_pointer"))
    if video:
        yield video


def _file(pointer: str, names: Mapping[str, str], *, is_image: bool) -> JSON:
    """Return the part for a pointer such as `sediment://file_1` or `file-service://file-1`."""
    file_id = pointer.rpartition("://")[2].partition("#")[0].partition("?")[0] or pointer
    name = names.get(file_id, "")
    return image_part(file_id) if is_image and not name else file_part(name, file_id)
