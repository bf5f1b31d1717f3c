"""Erases threads, conversations, completions and responses for good, in small steps.

`begin` marks an object as deleted, so that no request and no search finds it any more. Then each
call of `erase_some` erases a few messages or items, and at last what the object itself contains.
The table `erasing` has the objects that are not erased whole yet, so that any process can go on.

As a deletion through the API, this keeps the row of the object, without its content. In addition, a
hash of the import key replaces the key, so that no import restores the object.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    not_,
    select,
    true,
    update,
)

from backscroll.database.port import Database
from backscroll.database.response_schema import response_items, responses
from backscroll.database.schema import (
    completion_messages,
    completions,
    conversations,
    items,
    messages,
    threads,
)
from backscroll.database.upkeep_schema import erasing
from backscroll.store.activity import US
from backscroll.store.archive.records import ForgetKind
from backscroll.store.archive.tombstones import mark_forgotten
from backscroll.store.completions import replace_filter_rows
from backscroll.store.idempotency import erase_replies
from backscroll.store.pace import PAUSE_S, Pace
from backscroll.store.search import index, owners, pending
from backscroll.store.search.rewriting import erase_removed
from backscroll.store.search.texts import COMPLETION, CONVERSATION, RESPONSE, THREAD

_IDS: Final = 500
"""The maximum number of positions in one statement."""
_CENTURY_S: Final = 36_500 * 86_400
"""Times that are further in the future say nothing. They may be in milliseconds."""


class Kind(NamedTuple):
    """A kind of object that can be erased.

    Attributes:
        name: the noun for an object of this kind.
        number: the number that stands for this kind in the search index.
        table: the table of the objects.
        members: the table of their messages or items.
        owner: the column of `members` that refers to the object.
        erased: the columns of `table` to erase.
    """

    name: ForgetKind
    number: int
    table: Table
    members: Table
    owner: str
    erased: Sequence[str]

    def is_before(self, time_s: int) -> ColumnElement[bool]:
        """Return the condition that the last activity of an object was before a Unix time."""
        if "last_active_us" not in self.table.c:
            return self.table.c.created_at < time_s
        return and_(self.table.c.last_active_us < time_s * US, not_(_is_since(time_s, self.table)))

    def has_nothing_since(self, time_s: int) -> ColumnElement[bool]:
        """Return the condition that no message or item of an object is of a Unix time or later.

        An import may give a last activity that is older than that.
        """
        if "created_at" not in self.members.c:
            return true()
        members = self.members.c
        own = (members[self.owner] == self.table.c.position, members.deleted_at.is_(None))
        return not_(exists().where(*own, _is_since(time_s, self.members)))


def _is_since(time_s: int, table: Table) -> ColumnElement[bool]:
    return table.c.created_at.between(time_s, time_s + _CENTURY_S)


KINDS: Final = (
    Kind(
        "thread",
        THREAD,
        threads,
        messages,
        "thread",
        ("metadata", "imported_metadata", "tool_resources", "import_key"),
    ),
    Kind(
        "conversation",
        CONVERSATION,
        conversations,
        items,
        "conversation",
        ("metadata", "imported_metadata", "import_key"),
    ),
    Kind(
        "chat completion",
        COMPLETION,
        completions,
        completion_messages,
        "completion",
        ("metadata", "choices", "fields", "import_key"),
    ),
    Kind(
        "response",
        RESPONSE,
        responses,
        response_items,
        "response",
        ("metadata", "fields", "import_key", "conversation_id", "previous_response_id"),
    ),
)
"""All kinds of objects that can be erased."""

_BY_NUMBER: Final = {kind.number: kind for kind in KINDS}
_next: Final = (
    select(erasing).order_by(erasing.c.kind, erasing.c.position).limit(1).with_for_update()
)
_this: Final = (erasing.c.kind == bindparam("of"), erasing.c.position == bindparam("at"))
_go_on: Final = update(erasing).where(*_this).values(above=bindparam("last"))
_done: Final = delete(erasing).where(*_this)


def begin(  # noqa: PLR0913 - one argument for each part of what is erased
    connection: Connection,
    partition: str,
    kind: Kind,
    object_id: str,
    now_s: int,
    *,
    before_s: int | None = None,
) -> bool:
    """Mark an object as deleted, and record that it is to be erased.

    Args:
        connection: a connection in a write transaction.
        partition: the partition of the object.
        kind: the kind of the object.
        object_id: the id of the object.
        now_s: the time of day in Unix seconds.
        before_s: only if the last activity of the object was before this time, in Unix seconds. Its
            messages and items are not looked at.

    Returns:
        Whether the object existed and was active only before `before_s`.
    """
    table = kind.table
    living = (table.c.partition == partition, table.c.deleted_at.is_(None))
    statement = select(table.c.position, table.c.import_key).where(table.c.id == object_id, *living)
    if before_s is not None:
        statement = statement.where(kind.is_before(before_s))
    row = connection.execute(statement.with_for_update()).one_or_none()
    if row is None:
        return False
    if row.import_key is not None:
        mark_forgotten(connection, table, partition, row.import_key, now_s)
    this = table.c.position == row.position
    connection.execute(update(table).where(this).values(deleted_at=now_s))
    erase_replies(connection, partition, object_id)
    connection.execute(insert(erasing).values(kind=kind.number, position=row.position, above=0))
    return True


def erase_some(connection: Connection, most: int) -> bool:
    """Erase up to `most` messages or items of the objects that are to be erased.

    Args:
        connection: a connection in a write transaction.
        most: the maximum number of messages or items. An object counts as one more.

    Returns:
        Whether all objects are erased.
    """
    left = most
    while left > 0:
        row = connection.execute(_next).one_or_none()
        if row is None:
            return True
        left -= _erase_part(connection, _BY_NUMBER[row.kind], row.position, row.above, left)
    return False


async def erase_all(database: Database, pause_s: float = PAUSE_S) -> None:
    """Erase all objects that are to be erased, and then their tokens in the search index.

    Args:
        database: the database.
        pause_s: the pause between two transactions, in seconds.
    """
    for step in (partial(_step, Pace(most=_IDS)), pending.erase_step):
        is_done = False
        while not is_done:
            is_done = await database.write(step)
            await asyncio.sleep(pause_s)
    await erase_removed(database, pause_s)


def _step(pace: Pace, connection: Connection) -> bool:
    return pace.step(partial(erase_some, connection))


def _erase_part(connection: Connection, kind: Kind, position: int, above: int, most: int) -> int:
    """Erase up to `most` members of an object, or the object itself. Return how much was erased."""
    removed = owners.remove_some(
        connection, index.owner_of(kind.number, position), above, min(most, _IDS)
    )
    if removed:
        last = max(removed)
        connection.execute(_go_on, {"of": kind.number, "at": position, "last": last})
        _erase_members(connection, kind, position, list(removed.values()))
        return len(removed)
    owner = kind.members.c[kind.owner]
    left = select(kind.members.c.position).where(owner == position).limit(min(most, _IDS))
    rest = list(connection.scalars(left))
    if rest:
        _erase_members(connection, kind, position, rest)
        return len(rest)
    if kind.table is completions:
        replace_filter_rows(connection, position, {})
    this = kind.table.c.position == position
    connection.execute(update(kind.table).where(this).values(dict.fromkeys(kind.erased)))
    connection.execute(_done, {"of": kind.number, "at": position})
    pending.erase_later(connection)
    return 1


def _erase_members(
    connection: Connection, kind: Kind, position: int, members: Sequence[int]
) -> None:
    columns = kind.members.c
    these = (columns[kind.owner] == position, columns.position.in_(members))
    connection.execute(delete(kind.members).where(*these))
