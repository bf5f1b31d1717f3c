"""Titles of threads, conversations and completions. A title is indexed with the first message."""

from collections.abc import Mapping
from typing import Final

from backscroll.store.search.texts import COMPLETION, KINDS

_TITLES: Final = ("title", "name", "topic")
"""The metadata keys that may contain a title, the preferred key first."""


def title_of(metadata: Mapping[str, str] | None) -> str:
    """Return the title in an object's metadata; empty if the metadata contains no title."""
    return next((title for name in _TITLES if (title := (metadata or {}).get(name))), "")


def has_title(owner: int, position: int) -> bool:
    """Whether a message is the first one of its owner, and so is indexed with the title."""
    return position == (0 if owner % KINDS == COMPLETION else 1)


def titled(text: str, title: str) -> str:
    """Return the text to index for an owner's first message: its text, then the title."""
    return f"{text}\n{title}" if title else text
