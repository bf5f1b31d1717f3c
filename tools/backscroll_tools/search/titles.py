"""The title of a thread, conversation or completion. It is searched with the first message."""

from collections.abc import Mapping
from typing import Final

_TITLES: Final = ("title", "name", "topic")
"""The metadata keys that may contain a title, the preferred key first."""

_OWN: Final = ("title", "name")
"""The fields that may contain a title, the preferred field first. Mistral's API has `name`."""


def title_of(metadata: object) -> str:
    """Return the title in an object's metadata; empty if the metadata contains no title."""
    if not isinstance(metadata, Mapping):
        return ""
    found = (metadata.get(name) for name in _TITLES)
    return next((title for title in found if isinstance(title, str) and title), "")


def own_title(raw: Mapping[str, object]) -> str:
    """Return the title in an object's fields, without its metadata; empty if it has none."""
    found = (raw.get(name) for name in _OWN)
    return next((title for title in found if isinstance(title, str) and title), "")


def thread_title(raw: Mapping[str, object]) -> str:
    """Return the title of a thread or a session, from its metadata or its own fields."""
    return title_of(raw.get("metadata")) or own_title(raw)


def titled(text: str, title: str) -> str:
    """Return the searchable text of a thread's first message: its own text, then the title."""
    return f"{text}\n{title}" if title else text
