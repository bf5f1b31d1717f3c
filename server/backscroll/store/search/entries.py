"""Reads the messages to index from the store's tables."""

from typing import Any, Final

from sqlalchemy import Connection, Integer, Select, bindparam, select

from backscroll.database.schema import (
    completion_messages,
    completions,
    conversations,
    items,
    messages,
    threads,
)
from backscroll.store.search.texts import (
    COMPLETION,
    CONVERSATION,
    KINDS,
    THREAD,
    Entry,
    completion_text,
    item_role,
    item_text,
    message_text,
)

OWNERS: Final = {THREAD: threads, CONVERSATION: conversations, COMPLETION: completions}

CHUNK: Final = 200
"""How many messages are read into memory at a time."""


def entries(connection: Connection, owner: int, above: int, most: int = CHUNK) -> list[Entry]:
    """Return the next `most` messages after position `above`, oldest first, even if indexed."""
    position, kind = divmod(owner, KINDS)
    bound = {"of": position, "above": above, "most": most}
    rows = connection.execute(_SOURCES[kind], bound)
    return [_entry(kind, *row) for row in rows]


def _entry(kind: int, position: int, created_at: int, role: str | None, body: Any) -> Entry:  # noqa: ANN401 - JSON
    if kind == THREAD:
        return Entry(position, role or "", created_at, message_text(role or "", body))
    text = item_text(body) if kind == CONVERSATION else completion_text(body)
    return Entry(position, item_role(body or {}), created_at, text)


def _source(kind: int) -> Select[Any]:
    role: Any = messages.c.role
    if kind == THREAD:
        table, of, body, at = messages, messages.c.thread, messages.c.content, messages.c.created_at
        owner: Any = threads
    elif kind == CONVERSATION:
        table, of, body, at = items, items.c.conversation, items.c.body, conversations.c.created_at
        owner, role = conversations, conversations.c.id
    else:
        table, body, at = completion_messages, completion_messages.c.body, completions.c.created_at
        owner, of, role = completions, completion_messages.c.completion, completions.c.id
    found = (
        select(table.c.position, at, role, body)
        .join(owner, owner.c.position == of)
        .where(of == bindparam("of"), table.c.position > bindparam("above"))
    )
    if "deleted_at" in table.c:
        found = found.where(table.c.deleted_at.is_(None))
    return found.order_by(table.c.position).limit(bindparam("most", type_=Integer))


_SOURCES: Final = {kind: _source(kind) for kind in OWNERS}
