"""The first words of a thread or conversation, which lists show as a summary.

Only the start of the first message is read: the database returns the first characters of its JSON,
and this module finds the text in them.
"""

from typing import Any, Final

from pydantic_core import from_json
from sqlalchemy import ScalarSelect, Text, cast, func, select

from backscroll.database.schema import conversations, items, messages, threads

WORDS_CHARS: Final = 120
"""The maximum length of the first words, in characters."""

_JSON_CHARS: Final = 2_000
"""The number of characters of a message's JSON that are read."""

_SEARCHED: Final = 20
"""The first message of a conversation is searched for among this many of its first items."""

_INSTRUCTIONS: Final = ("system", "developer")

of_thread: Final[ScalarSelect[str]] = (
    select(func.substr(cast(messages.c.content, Text), 1, _JSON_CHARS))
    .where(
        messages.c.thread == threads.c.position,
        messages.c.deleted_at.is_(None),
        messages.c.role.not_in(_INSTRUCTIONS),
    )
    .order_by(messages.c.position)
    .limit(1)
    .scalar_subquery()
)
"""A query for the start of a thread's first message, for `first_words`; null if it has none."""

of_conversation: Final[ScalarSelect[str]] = (
    select(func.substr(cast(items.c.body, Text), 1, _JSON_CHARS))
    .where(
        items.c.conversation == conversations.c.position,
        items.c.deleted_at.is_(None),
        items.c.position <= _SEARCHED,
        items.c.body["type"].as_string() == "message",
        items.c.body["role"].as_string().not_in(_INSTRUCTIONS),
    )
    .order_by(items.c.position)
    .limit(1)
    .scalar_subquery()
)
"""A query for the start of a conversation's first message, for `first_words`; null if it has
none."""


def first_words(start: str | None) -> str:
    """Return the first words of the message whose JSON starts with `start`, on one line.

    Returns:
        Up to `WORDS_CHARS` characters, followed by `…` if the text is longer; empty if there is no
        text.
    """
    try:
        value: Any = from_json(start or "[]", allow_partial="trailing-strings")
    except ValueError:  # nested too deeply
        return ""
    parts = value.get("content") if isinstance(value, dict) else value
    return next(filter(None, map(_words, parts if isinstance(parts, list) else [])), "")


def _words(part: Any) -> str:  # noqa: ANN401 - any JSON value
    text = part.get("text") if isinstance(part, dict) else None
    if isinstance(text, dict):
        text = text.get("value")
    words = " ".join(text.split()) if isinstance(text, str) else ""
    if len(words) <= WORDS_CHARS:
        return words
    cut = words[:WORDS_CHARS]
    return f"{cut.rpartition(' ')[0] or cut}…"
