"""Reads the parents and the items of imported conversations, to import forks of them."""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select

from backscroll.database.schema import conversations, items


class StoredLineage(NamedTuple):
    """An imported conversation that others may have been forked from.

    Attributes:
        parent: the source's id of the conversation from which this one was forked; empty if there
            is none.
        position: the position of its row in the table.
    """

    parent: str
    position: int


def read_lineage(connection: Connection, partition: str, key: str) -> StoredLineage | None:
    """Return the parent and the row of an imported conversation; None if it was not imported.

    Args:
        connection: a connection in a read transaction.
        partition: its partition.
        key: its import key.
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
