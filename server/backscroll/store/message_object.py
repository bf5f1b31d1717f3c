"""Converts messages between requests, rows and the objects of both API versions."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from backscroll.store.bodies import MessageV1, MessageV2, TextPart
from backscroll.store.envelopes import JSON, ApiVersion
from backscroll.store.ids import new_message_id

_ANNOTATIONS: Final = "annotations"


def text_part(value: str) -> JSON:
    """Return a text part as the API returns it in a message: its `text` is an object."""
    return {"type": "text", "text": {"value": value, "annotations": []}}


def stored_text_part(value: str) -> JSON:
    """Return the part that `stored_content` stores for the part that `text_part` returns."""
    return {"type": "text", "text": {"value": value}}


def content_of(message: MessageV1 | MessageV2) -> list[JSON]:
    """Return the parts of a new message, as the API returns them."""
    if isinstance(message.content, str):
        return [text_part(message.content)]
    return [
        text_part(part.text) if isinstance(part, TextPart) else part.model_dump()
        for part in message.content
    ]


def stored_content(parts: Iterable[JSON]) -> list[JSON]:
    """Return the parts of a message as they are stored: without empty lists of annotations.

    An empty list would be a tenth of the size of a short message.
    """
    return [
        {**part, "text": {name: value for name, value in text.items() if name != _ANNOTATIONS}}
        if isinstance(text := part.get("text"), dict) and text.get(_ANNOTATIONS) == []
        else part
        for part in parts
    ]


def whole_content(parts: Iterable[JSON]) -> list[JSON]:
    """Return stored parts in the form of responses, with empty lists of annotations."""
    return [
        {**part, "text": {**text, _ANNOTATIONS: []}}
        if isinstance(text := part.get("text"), dict) and _ANNOTATIONS not in text
        else part
        for part in parts
    ]


def message_row(message: MessageV1 | MessageV2, created_at: int) -> JSON:
    """Return the row of a new message, without its thread and position."""
    return {
        "id": new_message_id(),
        "created_at": created_at,
        "role": message.role,
        "content": stored_content(content_of(message)),
        "attachments": message.attached(),
        "metadata": message.metadata or {},
        "run_id": None,
        "assistant_id": None,
        "status": "completed",
        "incomplete_at": None,
        "incomplete_details": None,
    }


def message_object(row: Mapping[str, Any], thread_id: str, version: ApiVersion) -> JSON:
    """Return the `thread.message` object of a row, with every field of the API version."""
    files = (
        {"file_ids": list(_attached(row))}
        if version == "v1"
        else {"attachments": row["attachments"]}
    )
    return {
        "id": row["id"],
        "object": "thread.message",
        "created_at": row["created_at"],
        "thread_id": thread_id,
        "status": row["status"],
        "completed_at": row["created_at"] if row["status"] == "completed" else None,
        "incomplete_at": row["incomplete_at"],
        "incomplete_details": row["incomplete_details"],
        "role": row["role"],
        "content": whole_content(row["content"]),
        "assistant_id": row["assistant_id"],
        "run_id": row["run_id"],
        **files,
        "metadata": row["metadata"],
    }


def file_objects(row: Mapping[str, Any]) -> list[JSON]:
    """Return the `thread.message.file` objects of a message: its attachments, then its images."""
    return [
        {
            "id": file_id,
            "object": "thread.message.file",
            "created_at": row["created_at"],
            "message_id": row["id"],
        }
        for file_id in dict.fromkeys([*_attached(row), *_image_files(row)])
    ]


def _attached(row: Mapping[str, Any]) -> Iterator[str]:
    for attachment in row["attachments"]:
        if attachment.get("file_id"):
            yield attachment["file_id"]


def _image_files(row: Mapping[str, Any]) -> Iterator[str]:
    for part in row["content"]:
        image = part.get("image_file")
        if isinstance(image, dict) and image.get("file_id"):
            yield image["file_id"]
