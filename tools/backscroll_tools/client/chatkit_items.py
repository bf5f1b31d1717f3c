"""Converts the items of ChatKit threads to items as conversations have them."""

from typing import Final, cast

from backscroll_tools.models import JSON

_ROLES: Final = {"chatkit.user_message": "user", "chatkit.assistant_message": "assistant"}
_CALLS: Final = frozenset({"chatkit.widget", "chatkit.task", "chatkit.task_group"})
"""The types of items that show what the assistant did. They become calls of a tool."""


def as_item(raw: JSON) -> JSON:
    """Return the item of a conversation that corresponds to an item of a ChatKit thread.

    Messages become items of type `message`; quoted text is marked with `> `, as in Markdown.
    Widgets and tasks become calls of a tool. Other items lose the start of their type, `chatkit.`.
    """
    kind = raw.get("type")
    if not isinstance(kind, str):
        return raw
    if role := _ROLES.get(kind):
        return {**raw, "type": "message", "role": role, "content": _content(raw.get("content"))}
    name = kind.removeprefix("chatkit.")
    return {**raw, "type": f"{name}_call" if kind in _CALLS else name}


def _content(content: object) -> object:
    if not isinstance(content, list):
        return content
    return [_part(part) for part in cast("list[object]", content)]


def _part(part: object) -> object:
    match part:
        case {"type": "quoted_text", "text": str() as text}:
            quoted = "\n".join(f"> {line}" for line in text.split("\n"))
            return {"type": "input_text", "text": quoted}
        case _:
            return part
