"""Recognises the formats of other programs whose conversations cannot be imported."""

from typing import Any, Final

BARE: Final = 'has messages outside a conversation: wrap them in {"messages": […]}'
CHATGPT: Final = "is from a ChatGPT export, which is not supported yet"
CLAUDE: Final = "is from a Claude export, which is not supported yet"
FOREIGN: Final = (BARE, CHATGPT, CLAUDE)

_OWN: Final = ("messages", "items", "choices")
"""An object with one of these fields can be a conversation in Backscroll's own format."""


def foreign_form(found: dict[str, Any]) -> str | None:
    """Return the reason in `FOREIGN` to refuse an object, or None if its format is not foreign."""
    if any(name in found for name in _OWN):
        return None
    if isinstance(found.get("mapping"), dict):
        return CHATGPT
    if isinstance(found.get("chat_messages"), list):
        return CLAUDE
    return BARE if "role" in found and "content" in found else None
