"""Items of OpenAI's Responses API, as other programs recorded them."""

from collections.abc import Mapping
from typing import Any

from backscroll.history.items.content import content_text
from backscroll.history.items.draft import Draft
from backscroll.history.reading.fields import identifier, mapping, sequence, string


def add_item(draft: Draft, item: Mapping[str, Any], key: str = "", at: int | None = None) -> None:
    """Add an item. An empty item, or an item of an unknown type, is left out.

    Args:
        key: the item's key. If it is empty, the key is a hash.
        at: the time of the item in Unix seconds; None if unknown.
    """
    kind = string(item.get("type")) or "message"
    call_id = identifier(item.get("call_id")) or identifier(item.get("id"))
    match kind:
        case "message":
            draft.message(string(item.get("role")), content_text(item.get("content")), key, at)
        case "reasoning":
            parts = [*sequence(item.get("summary")), *sequence(item.get("content"))]
            draft.reasoning(content_text(parts), key, at)
        case "function_call":
            draft.call(call_id, string(item.get("name")), item.get("arguments"), key, at)
        case "custom_tool_call":
            draft.call(call_id, string(item.get("name")), item.get("input"), key, at)
        case _ if kind.endswith("_output"):
            draft.output(call_id, _output(item.get("output")), key, at)
        case _ if kind.endswith("_call"):
            arguments = mapping(item.get("action")) or {"queries": item.get("queries")}
            draft.call(call_id, kind.removesuffix("_call"), arguments, key, at)


def _output(output: object) -> object:
    """Return a tool's output without the bytes of its images and files."""
    return content_text(output) if isinstance(output, list) else output
