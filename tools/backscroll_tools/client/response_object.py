"""Converts an upstream's responses to the typed objects that tools return."""

from typing import Final, cast

from backscroll_tools.client import items, objects
from backscroll_tools.client.times import seconds
from backscroll_tools.models import JSON, StoredResponse

PREVIEW: Final = 160
"""The maximum length of the output that is shown of a response, in characters."""

_NAMED: Final = {
    "model": "model",
    "status": "status",
    "previous_response_id": "previous_response_id",
}
"""The fields that are texts, and their names in `StoredResponse`."""

_LEFT_OUT: Final = frozenset(
    {
        *_NAMED,
        "id",
        "object",
        "created_at",
        "output",
        "output_text",
        "input",
        "conversation",
        "omitted",
    }
)
"""The fields of a raw response that `whole` does not keep in `other`: fields that `listed` reads,
fields that the tool `get-chat-messages` shows, and fields that are not useful."""


def conversation_of(raw: JSON) -> str:
    """Return the id of the conversation that a response belongs to; empty if it belongs to none."""
    match raw.get("conversation"):
        case {"id": str() as conversation_id} | (str() as conversation_id):
            return conversation_id
        case _:
            return ""


def listed(raw: JSON) -> StoredResponse:
    """Return the typed response for a raw one, with the start of its output."""
    item = StoredResponse(id=raw["id"])
    if (created_at := seconds(raw.get("created_at"))) is not None:
        item["created_at"] = created_at
    for name, target in _NAMED.items():
        if isinstance(value := raw.get(name), str) and value:
            cast("JSON", item)[target] = value
    if conversation_id := conversation_of(raw):
        item["conversation_id"] = conversation_id
    if text := _output_text(raw):
        item["text"] = text[:PREVIEW]
        if len(text) > PREVIEW:
            item["clipped"] = {"shown": PREVIEW, "total": len(text)}
    metadata = raw.get("metadata")
    if isinstance(metadata, dict) and metadata:
        item["metadata"] = cast("JSON", metadata)
    return item


def whole(raw: JSON) -> StoredResponse:
    """Return what `listed` returns, and the untyped fields, such as `usage`, in `other`."""
    item = listed(raw)
    shown = _LEFT_OUT | ({"metadata"} if "metadata" in item else set())
    other = {
        name: value for name, value in raw.items() if name not in shown and value not in _EMPTY
    }
    if other:
        item["other"] = other
    return item


_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})


def _output_text(raw: JSON) -> str:
    """Return the texts of the messages in a response's output."""
    output = raw.get("output")
    rows = cast("list[object]", output) if isinstance(output, list) else []
    messages = [
        objects.message({"id": "", **cast("JSON", row)})
        for row in rows
        if isinstance(row, dict) and items.is_message(cast("JSON", row))
    ]
    return "\n".join(message["text"] for message in messages if message["text"])
