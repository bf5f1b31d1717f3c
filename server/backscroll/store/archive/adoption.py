"""Recognises the messages of threads and conversations that an older version imported.

Versions of Backscroll before schema 6 recorded no keys and digests of messages. Their messages are
recognised by their content and their order, up to the first one that differs. Any later ones are
treated like those that were written through the API.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from backscroll.store.archive.difference import Known
from backscroll.store.archive.prepared import Collection
from backscroll.store.envelopes import JSON

_CHUNK = 200
"""How many messages are read into memory at a time."""


def adopt(
    connection: Connection,
    collection: Collection,
    owner: int,
    known: Sequence[Known],
    given: Sequence[JSON],
) -> tuple[list[Known], list[JSON]]:
    """Return `known` with the keys and digests of `given`, and what to write for that.

    Args:
        connection: a connection.
        collection: whether they are messages or items.
        owner: the position of their thread or conversation.
        known: the messages or items that the store has, in order.
        given: the rows of those that are imported, in order.

    Returns:
        The messages or items; and for each one that was recognised, its `position` and the new
        values of `import_key`, `import_digest` and `created_at`.
    """
    columns = collection.members.c
    result = list(known)
    written: list[JSON] = []
    pairs = list(zip(known, given, strict=False))
    for at in range(0, len(pairs), _CHUNK):
        chunk = pairs[at : at + _CHUNK]
        positions = [each.position for each, _ in chunk]
        found = connection.execute(
            select(collection.members).where(
                columns[collection.owner] == owner, columns.position.in_(positions)
            )
        )
        stored = {row.position: row._asdict() for row in found}
        for each, row in chunk:
            digest = row["import_digest"]
            if not each.is_deleted and collection.digest(stored[each.position]) != digest:
                return result, written
            result[len(written)] = each._replace(key=row["import_key"], digest=digest)
            values = {name: row[name] for name in ("import_key", "import_digest", "created_at")}
            written.append({"position": each.position, **values})
    return result, written
