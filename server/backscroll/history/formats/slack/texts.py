"""Converts Slack messages to text, without Slack's markup and with names in place of ids.

Source: "Formatting text for app surfaces" in Slack's documentation.
"""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Final

from msgspec import Struct, field

from backscroll.history.reading.fields import first_text, mapping, sequence, string

_REFERENCE: Final = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


class Names(Struct):
    """The names of users and channels by their ids."""

    users: dict[str, str] = field(default_factory=dict)
    channels: dict[str, str] = field(default_factory=dict)

    def readable(self, text: str) -> str:
        """Return a message's text without Slack's markup for links and mentions."""
        return unescape(_REFERENCE.sub(self._reference, text))

    def _reference(self, found: re.Match[str]) -> str:
        mark, target, label = found.groups()
        match mark:
            case "@":
                return f"@{self.users.get(target) or label or target}"
            case "#":
                return f"#{self.channels.get(target) or label or target}"
            case "!":
                return label or f"@{target.partition('^')[0]}"
        return f"{label} ({target})" if label and label != target else target


def user_name(user: Mapping[str, Any]) -> str:
    """Return the name that Slack shows for a user."""
    profile = mapping(user.get("profile"))
    shown = first_text(profile, "display_name", "real_name")
    return shown or first_text(user, "real_name", "name", "id")


def author_of(message: Mapping[str, Any], names: Names) -> str:
    """Return the name of who wrote a message; empty if unknown."""
    user = string(message.get("user"))
    profile = mapping(message.get("user_profile")) or mapping(message.get("bot_profile"))
    shown = names.users.get(user) or first_text(profile, "display_name", "real_name", "name")
    return shown or first_text(message, "username", "user")


def text_of(message: Mapping[str, Any], names: Names) -> str:
    """Return a message's text, the texts of its attachments, and the names of its files."""
    lines = [string(message.get("text"))]
    for value in sequence(message.get("attachments")):
        attachment = mapping(value)
        fields = ("pretext", "title", "text")
        found = [string(attachment.get(name)) for name in fields]
        lines += found if any(found) else [string(attachment.get("fallback"))]
    if not any(lines):
        lines = _block_texts(message.get("blocks"))
    readable = [names.readable(line) for line in lines if line.strip()]
    for value in sequence(message.get("files")):
        name = first_text(mapping(value), "name", "title")
        readable.append(f"[file: {name}]" if name else "[file]")
    return "\n".join(readable)


def _block_texts(blocks: object) -> list[str]:
    """Return the texts in blocks, in order. Messages of bots can have blocks but no `text`."""
    texts: list[str] = []
    waiting = [blocks]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            text = value.get("text")
            texts.append(string(text))
            waiting += [value.get("elements"), text if isinstance(text, dict) else None]
    return texts
