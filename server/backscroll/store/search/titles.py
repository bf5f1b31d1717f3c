"""The title of a thread, conversation or completion, which search finds with its first message."""

from collections.abc import Mapping
from typing import Final

from backscroll.store.search.texts import COMPLETION, KINDS

_TITLES: Final = ("title", "name", "topic")
"""The keys of metadata that have a title, the best one first."""


def title_of(metadata: Mapping[str, str] | None) -> str:
    """Return the title in an object's metadata; empty if it has none."""
    return next((title for name in _TITLES if (title := (metadata or {}).get(name))), "")


def has_title(owner: int, position: int) -> bool:
    """Whether a message is the first one of its owner, which is found by the title, too."""
    return position == (0 if owner % KINDS == COMPLETION else 1)


def titled(text: str, title: str) -> str:
    """Return the text that is indexed of a first message."""
    return f"{text}\n{title}" if title else text
