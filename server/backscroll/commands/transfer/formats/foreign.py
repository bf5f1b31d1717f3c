"""Recognises objects that hold conversations in a form that cannot be imported, and names it."""

from typing import Any, Final

BARE: Final = 'has messages outside a conversation: wrap them in {"messages": […]}'
CHATGPT: Final = "is from a ChatGPT export, which is not supported yet"
CLAUDE: Final = "is from a Claude export, which is not supported yet"
FOREIGN: Final = (BARE, CHATGPT, CLAUDE)

_OWN: Final = ("messages", "items", "choices")
"""The fields that make an object a conversation."""


def foreign_form(found: dict[str, Any]) -> str | None:
    """Return the reason for refusing an object, one of `FOREIGN`; None if its form is unknown."""
    if any(name in found for name in _OWN):
        return None
    if isinstance(found.get("mapping"), dict):
        return CHATGPT
    if isinstance(found.get("chat_messages"), list):
        return CLAUDE
    return BARE if "role" in found and "content" in found else None
