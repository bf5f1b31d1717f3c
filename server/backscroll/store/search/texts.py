"""Extracts the parts of a message that search uses: its role, and the text of a person or a model.

Tool calls and their outputs are left out. They are most of what an agent writes, and would hide the
rest.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from backscroll.store.envelopes import JSON

if TYPE_CHECKING:
    from backscroll_tools.search.tokenizer import Tokens

ROLES: Final = ("user", "assistant", "system", "developer")
"""The roles that have their own number in the index. All others have the number `OTHER_ROLE`."""
OTHER_ROLE: Final = len(ROLES)

THREAD: Final = 0
CONVERSATION: Final = 1
COMPLETION: Final = 2
KINDS: Final = 4
"""The number of an owner is its position times `KINDS`, plus its kind."""

_TOOLS: Final = frozenset({"tool", "function"})
_TEXTS: Final = ("text", "refusal")
_SHORT: Final = 4_000
"""The maximum length of a text that is split into tokens without a thread, in characters."""


class Entry(NamedTuple):
    """A message to index.

    Attributes:
        position: the message's position in its thread, conversation or completion.
        role: the message's role.
        created_at: when the message was written, in Unix seconds.
        text: the message's text; empty if the message has no text to index.
        tokens: the tokens of the text; None if they were not computed before the transaction.
    """

    position: int
    role: str
    created_at: int
    text: str
    tokens: "Tokens | None" = None


def thread_entry(row: JSON, tokens: "Tokens | None" = None) -> Entry:
    """Return what to index of a message's row, which `message_row` describes."""
    text = message_text(row["role"], row["content"])
    return Entry(row["position"], row["role"], row["created_at"], text, tokens)


def item_entry(row: JSON, created_at: int, tokens: "Tokens | None" = None) -> Entry:
    """Return what to index of an item's row. Items have no time, so the caller gives one."""
    body = row["body"]
    return Entry(row["position"], item_role(body), created_at, item_text(body), tokens)


async def tokens_of(text: str) -> "Tokens":
    """Return the tokens of a message. Called before a transaction, so that no other writer waits.

    A long text is split in a thread, so that other requests do not wait for it either.
    """
    from backscroll_tools.search.tokenizer import tokens

    return await asyncio.to_thread(tokens, text) if len(text) > _SHORT else tokens(text)


def has_title(owner: int, position: int) -> bool:
    """Whether a message is the first one of its owner, and so is indexed with the title."""
    return position == (0 if owner % KINDS == COMPLETION else 1)


def role_number(role: str) -> int:
    """Return the number of a role in the index."""
    return ROLES.index(role) if role in ROLES else OTHER_ROLE


def message_text(role: str, content: object) -> str:
    """Return the text of a message, with a line for the text of each part.

    Args:
        role: the message's role. If a tool wrote the message, the result is empty.
        content: a string, a list of parts in any of OpenAI's formats, or None.
    """
    if role in _TOOLS:
        return ""
    if isinstance(content, str):
        return content
    return "\n".join(_part_texts(content)) if isinstance(content, list) else ""


def item_text(body: JSON | None) -> str:
    """Return the text of a conversation's item; empty if the item is not a message."""
    if body is None or body.get("type") != "message":
        return ""
    return message_text(item_role(body), body.get("content"))


def item_role(body: JSON) -> str:
    """Return the role of an item or of a completion's message; empty if it has no role."""
    role = body.get("role")
    return role if isinstance(role, str) else ""


def completion_text(body: JSON) -> str:
    """Return the text of a stored completion's message, and the model's refusal if it refused."""
    role = item_role(body)
    found = message_text(role, body.get("content"))
    refusal = body.get("refusal")
    return "\n".join(filter(None, (found, refusal if isinstance(refusal, str) else "")))


def role_and_text(kind: int, *content: Any) -> tuple[str, str]:  # noqa: ANN401 - JSON
    """Return the role and the text of a message.

    Args:
        kind: the kind of the message's owner.
        content: the role and the content of a thread's message; or the body of an item or of a
            completion's message.
    """
    if kind == THREAD:
        role, parts = content
        return role, message_text(role, parts)
    body = content[0] or {}
    return item_role(body), item_text(body) if kind == CONVERSATION else completion_text(body)


def _part_texts(parts: Iterable[Any]) -> Iterator[str]:
    for part in parts:
        if not isinstance(part, dict):
            continue
        for name in _TEXTS:
            text = part.get(name)
            if isinstance(text, dict):
                text = text.get("value")
            if isinstance(text, str) and text:
                yield text
