"""Completes the items of an output, so that the store takes those of any model server.

A stream that breaks off, or a server that differs from OpenAI's API, may leave out fields that
the store needs: the role and the content of a message, and the type of a part.
"""

from collections.abc import Callable
from typing import Any, Final

from backscroll.store.envelopes import JSON

_ROLES: Final = ("assistant", "user", "system", "developer", "tool")
_TEXTS: Final = frozenset({"output_text", "text", "input_text"})


def complete_output(output: object, renamed: Callable[[str], str]) -> list[JSON]:
    """Return the items of an output, completed. Anything else is left out.

    Args:
        output: the output, as the model server sent it.
        renamed: returns the id that the caller got for an item, given the model server's.
    """
    items = output if isinstance(output, list) else []
    return [
        _completed(item, renamed) for item in items if isinstance(item, dict) and _is_item(item)
    ]


def _is_item(item: JSON) -> bool:
    kind = item.get("type")
    is_named = isinstance(kind, str) and kind not in {"", "item_reference"}
    return is_named or (kind is None and "content" in item)


def _completed(item: JSON, renamed: Callable[[str], str]) -> JSON:
    item_id = item.get("id")
    if isinstance(item_id, str) and item_id:
        item = {**item, "id": renamed(item_id)}
    else:
        item = {name: value for name, value in item.items() if name != "id"}
    if item.get("type") not in (None, "message"):
        return item
    role, status, content = item.get("role"), item.get("status"), item.get("content")
    if isinstance(content, str):
        content = [{"type": "output_text", "text": content}]
    parts = content if isinstance(content, list) else []
    return {
        **item,
        "role": role if role in _ROLES else "assistant",
        "status": status if status in ("in_progress", "completed", "incomplete") else None,
        "content": [_part(part) for part in parts if _is_part(part)],
    }


def _is_part(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("type"), str) and bool(part["type"])


def _part(part: Any) -> JSON:  # noqa: ANN401 - a part that `_is_part` has checked
    is_text = part["type"] in _TEXTS
    return {**part, "text": ""} if is_text and not isinstance(part.get("text"), str) else part
