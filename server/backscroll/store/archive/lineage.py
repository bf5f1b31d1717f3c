"""Reads imported conversations' parents and item keys, which imports of their forks need."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from backscroll.database.schema import conversations, items


class StoredLineage(NamedTuple):
    """An imported conversation from which other conversations may have been forked.

    Attributes:
        parent: the id, in the source, of the conversation that started this conversation as a
            sub-agent, or from which this conversation was forked; empty if it has no parent.
        position: the position of this conversation's row in the table.
    """

    parent: str
    position: int


def read_lineage(connection: Connection, partition: str, key: str) -> StoredLineage | None:
    """Return an imported conversation's parent, and the position of the conversation's row.

    The result is None if no conversation was imported with this key.

    Args:
        connection: a connection in a read transaction.
        partition: the partition of the conversation.
        key: the import key of the conversation.
    """
    row = connection.execute(_conversation(), {"within": partition, "key": key}).one_or_none()
    if row is None:
        return None
    return StoredLineage(str((row.metadata or {}).get("parent", "")), row.position)


def read_item_keys(connection: Connection, position: int) -> frozenset[str]:
    """Return the import keys of the items of a conversation.

    Args:
        connection: a connection in a read transaction.
        position: the position of the conversation's row.
    """
    return frozenset(connection.scalars(_keys(), {"of": position}))


@cache
def _conversation() -> Select[Any]:
    columns = conversations.c
    return select(columns.position, columns.metadata).where(
        columns.partition == bindparam("within"),
        columns.import_key == bindparam("key"),
        columns.deleted_at.is_(None),
    )


@cache
def _keys() -> Select[Any]:
    return select(items.c.import_key).where(
        items.c.conversation == bindparam("of"), items.c.import_key.is_not(None)
    )
