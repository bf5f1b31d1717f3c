"""Reads the messages to index from the store's tables."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    bindparam,
    func,
    select,
)

from backscroll.database.response_schema import response_items, responses
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
    RESPONSE,
    THREAD,
    Entry,
    role_and_texts,
)

CHUNK: Final = 200
"""How many messages are read into memory at a time."""


class Source(NamedTuple):
    """The columns from which the messages of one kind of owner are read.

    An owner is a thread, conversation, completion or response.

    Attributes:
        owners: the table of the owners.
        owner: the column with the position of a message's owner, in the table of the messages.
        id: the column that identifies a message in its owner.
        created_at: when a message was written, in Unix seconds; if that is unknown, when its owner
            was created.
        content: the columns to pass to `role_and_texts`.
    """

    owners: Table
    owner: Column[Any]
    id: Column[Any]
    created_at: ColumnElement[Any]
    content: tuple[Column[Any], ...]

    @property
    def position(self) -> Column[Any]:
        """The position of a message in its owner."""
        position: Column[Any] = self.owner.table.c.position
        return position

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Return a query for columns of the messages that are not deleted, and of their owners."""
        found = select(*columns).join(self.owners, self.owners.c.position == self.owner)
        of_messages = self.owner.table.c
        return (
            found.where(of_messages.deleted_at.is_(None)) if "deleted_at" in of_messages else found
        )


SOURCES: Final[Mapping[int, Source]] = {
    THREAD: Source(
        threads,
        messages.c.thread,
        messages.c.id,
        messages.c.created_at,
        (messages.c.role, messages.c.content),
    ),
    CONVERSATION: Source(
        conversations,
        items.c.conversation,
        items.c.id,
        func.coalesce(items.c.created_at, conversations.c.created_at),
        (items.c.body,),
    ),
    COMPLETION: Source(
        completions,
        completion_messages.c.completion,
        completion_messages.c.position,
        completions.c.created_at,
        (completion_messages.c.body,),
    ),
    RESPONSE: Source(
        responses,
        response_items.c.response,
        response_items.c.id,
        responses.c.created_at,
        (response_items.c.body,),
    ),
}
OWNERS: Final = {kind: source.owners for kind, source in SOURCES.items()}


def entries(connection: Connection, owner: int, above: int, most: int = CHUNK) -> list[Entry]:
    """Return up to `most` messages after position `above`, oldest first, whether indexed or not."""
    of, kind = divmod(owner, KINDS)
    rows = connection.execute(_NEXT[kind], {"of": of, "above": above, "most": most})
    return [_entry(kind, *row) for row in rows]


def entries_at(connection: Connection, owner: int, positions: Iterable[int]) -> list[Entry]:
    """Return the messages at these positions that are not erased, in no order."""
    of, kind = divmod(owner, KINDS)
    found = connection.execute(_AT[kind], {"of": of, "positions": list(positions)})
    return [_entry(kind, *row) for row in found]


def _entry(kind: int, position: int, created_at: int, *content: Any) -> Entry:  # noqa: ANN401 - JSON
    role, text, of_tools = role_and_texts(kind, *content)
    return Entry(position, role, created_at, text, tool_text=of_tools)


def _all(source: Source) -> Select[Any]:
    selected = source.select(source.position, source.created_at, *source.content)
    return selected.where(source.owner == bindparam("of"))


def _next(source: Source) -> Select[Any]:
    return (
        _all(source)
        .where(source.position > bindparam("above"))
        .order_by(source.position)
        .limit(bindparam("most", type_=Integer))
    )


_NEXT: Final = {kind: _next(source) for kind, source in SOURCES.items()}
_AT: Final = {
    kind: _all(source).where(source.position.in_(bindparam("positions", expanding=True)))
    for kind, source in SOURCES.items()
}
