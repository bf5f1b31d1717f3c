"""Finds the sub-agents and forks of imported conversations."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, or_, select

from backscroll.database.schema import conversations
from backscroll.store.archive.merging import hash_of
from backscroll.store.archive.records import Forgettable


def find_descendants(
    connection: Connection, partition: str, ancestors: Sequence[Forgettable]
) -> list[str]:
    """Return the ids of all sub-agents and forks of conversations, at any depth.

    They are found even if a user replaced their metadata, because an import also stores a hash of
    the parent's id.

    Args:
        connection: a connection in a read transaction.
        partition: the partition of the conversations.
        ancestors: the conversations to start from. Their ids are not in the result.
    """
    children: defaultdict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for row in connection.execute(_WITH_PARENT, {"within": partition}):
        source, _, _ = row.import_key.partition(":")
        for parent in {row.imported, hash_of(row.parent) if row.parent else None} - {None}:
            children[source, parent].append((row.id, row.import_key))
    found: dict[str, None] = dict.fromkeys(each.id for each in ancestors)
    pending = [each.import_key for each in ancestors if each.import_key]
    while pending:
        source, _, own_id = pending.pop().partition(":")
        for child, key in children[source, hash_of(own_id)]:
            if child not in found:
                found[child] = None
                pending.append(key)
    return list(found)[len({each.id for each in ancestors}) :]


_PARENT: Final = conversations.c.metadata["parent"].as_string()
_IMPORTED_PARENT: Final = conversations.c.imported_metadata["parent"].as_string()
_WITH_PARENT: Final = select(
    conversations.c.id,
    conversations.c.import_key,
    _PARENT.label("parent"),
    _IMPORTED_PARENT.label("imported"),
).where(
    conversations.c.partition == bindparam("within"),
    conversations.c.import_key.is_not(None),
    conversations.c.deleted_at.is_(None),
    or_(_PARENT.is_not(None), _IMPORTED_PARENT.is_not(None)),
)
