"""Extracts the parts of a message that search uses: its role, its text, and the text of tools.

The text is what a person or a model wrote. Most of the content of an agent's session is calls and
outputs of tools. In a search, they would crowd out the messages that people and models wrote. So
the text of tools is kept separate, and is indexed only if `BACKSCROLL_INDEX` is `all`.
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
RESPONSE: Final = 3
KINDS: Final = 4
"""The factor in the numbers of owners. An owner is a thread, conversation, completion or response.
Its number is its column `position` times `KINDS`, plus `THREAD`, `CONVERSATION` and so on."""

TOOL: Final = "tool"
"""The role of items of a conversation or response that are calls or outputs of tools."""

_TOOLS: Final = frozenset({TOOL, "function"})
_UNSEARCHED: Final = frozenset({"message", "reasoning"})
"""The types of items that are neither calls nor outputs of tools."""
_CALLS: Final = ("tool_calls", "function_call")
_TOOL_FIELDS: Final = (
    *("name", "function", "custom", "arguments", "input", "action", "query", "queries", "code"),
    *("command", "commands", "output", "outputs", "results", "logs", "stdout", "stderr", "error"),
    *("text", "content", "value"),
)
"""The fields of calls and outputs that may contain text, in the order of indexing."""
_DEPTH: Final = 8
"""How deeply fields may be nested. Text that is nested more deeply is not indexed."""
_TEXTS: Final = ("text", "refusal")
_SHORT: Final = 4_000
"""The maximum length of a text that is split into tokens without a worker thread, in characters."""


class Entry(NamedTuple):
    """A message to index.

    Attributes:
        position: the message's position in its thread, conversation, completion or response.
        role: the message's role.
        created_at: when the message was written, in Unix seconds.
        text: the message's text; empty if the message has no text to index.
        tokens: the tokens of the text; None if they were not computed before the transaction.
        tool_text: the text of tools in the message; empty if it has none.
    """

    position: int
    role: str
    created_at: int
    text: str
    tokens: "Tokens | None" = None
    tool_text: str = ""


def thread_entry(row: JSON, tokens: "Tokens | None" = None) -> Entry:
    """Return the search entry of a message of a thread, from its row in the table `messages`."""
    role, text, of_tools = role_and_texts(THREAD, row["role"], row["content"])
    return Entry(row["position"], role, row["created_at"], text, tokens, of_tools)


def item_entry(row: JSON, created_at: int, tokens: "Tokens | None" = None) -> Entry:
    """Return the search entry of an item's row, with `created_at` as the time of the item."""
    role, text, of_tools = role_and_texts(CONVERSATION, row["body"])
    return Entry(row["position"], role, created_at, text, tokens, of_tools)


def completion_entry(position: int, body: JSON, created_at: int) -> Entry:
    """Return the search entry of a stored completion's message."""
    role, text, of_tools = role_and_texts(COMPLETION, body)
    return Entry(position, role, created_at, text, tool_text=of_tools)


async def tokens_of(text: str) -> "Tokens":
    """Return the tokens of a text. Call this before a transaction, which makes other writers wait.

    A long text is split in a worker thread, so that other requests do not wait.
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
    """Return the text of an item; empty if the item is not a message."""
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


def role_and_texts(kind: int, *content: Any) -> tuple[str, str, str]:  # noqa: ANN401 - JSON
    """Return the role of a message, its text, and the text of tools in it.

    Args:
        kind: the kind of the message's owner.
        content: the role and the content of a thread's message; or the body of an item or of a
            completion's message.
    """
    if kind == THREAD:
        role, parts = content
        return role, message_text(role, parts), tool_text(parts) if role in _TOOLS else ""
    body = content[0] or {}
    role = item_role(body)
    if kind == COMPLETION:
        calls = [body.get(name) for name in _CALLS]
        of_tools = tool_text([calls, body.get("content") if role in _TOOLS else None])
        return role, completion_text(body), of_tools
    if body.get("type") in _UNSEARCHED:
        return role, item_text(body), ""
    return TOOL, "", tool_text(body)


def tool_text(value: object) -> str:
    """Return the text in a call or an output of a tool, with a line for each field."""
    return "\n".join(_tool_texts(value, _DEPTH))


def with_tools(entry: Entry) -> Entry:
    """Return a message with the text of tools as a part of its text."""
    if not entry.tool_text:
        return entry
    return entry._replace(text=everything(entry.text, entry.tool_text), tokens=None)


def everything(text: str, of_tools: str) -> str:
    """Return a message's text and the text of tools in it, as they are indexed together."""
    return "\n".join(filter(None, (text, of_tools)))


def _tool_texts(value: object, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value and not value.startswith("data:"):  # binary content
            yield value
    elif isinstance(value, list) and depth:
        for each in value:
            yield from _tool_texts(each, depth - 1)
    elif isinstance(value, dict) and depth:
        for name in _TOOL_FIELDS:
            if (field := value.get(name)) is not None:
                yield from _tool_texts(field, depth - 1)


def _part_texts(parts: Iterable[Any]) -> list[str]:
    found = []
    for part in parts:
        if not isinstance(part, dict):
            continue
        for name in _TEXTS:
            text = part.get(name)
            if isinstance(text, dict):
                text = text.get("value")
            if isinstance(text, str) and text:
                found.append(text)
    return found
