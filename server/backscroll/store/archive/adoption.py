"""Recognises messages of threads and conversations that an older version of Backscroll imported.

Before schema 6, imports recorded no keys and no content hashes (digests) of messages. A stored
message is recognised if an imported message has the same id and content. Imported messages without
ids are compared with the stored messages in order, by content, up to the first difference. Messages
that are not recognised are treated as if they were written through the API.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

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
    """Add keys and digests from `given` to the recognised members of `known`.

    Args:
        connection: a connection.
        collection: the kind of collection: threads or conversations.
        owner: the position of the row of the thread or conversation.
        known: the messages or items that the store has, in order.
        given: the rows of the imported messages or items, in order.

    Returns:
        `known` with the added keys and digests; and the values to write: for each recognised
        message or item, its `id` and the new `import_key`, `import_digest` and `created_at`.
    """
    written: dict[str, JSON] = {}
    for each, row in _recognised(connection, collection, owner, known, given):
        names = ("import_key", "import_digest", "created_at")
        written[each.id] = {"id": each.id} | {name: row[name] for name in names}
    result = [
        each._replace(key=values["import_key"], digest=values["import_digest"])
        if (values := written.get(each.id))
        else each
        for each in known
    ]
    return result, list(written.values())


def _recognised(
    connection: Connection,
    collection: Collection,
    owner: int,
    known: Sequence[Known],
    given: Sequence[JSON],
) -> Iterator[tuple[Known, JSON]]:
    pairs = _pairs(known, given)
    while chunk := list(islice(pairs, _CHUNK)):
        columns = collection.members.c
        ids = [each.id for each, _ in chunk]
        found = connection.execute(
            select(collection.members).where(
                columns[collection.owner] == owner, columns.id.in_(ids)
            )
        )
        stored = {row.id: row._asdict() for row in found}
        for each, row in chunk:
            digest = row["import_digest"]
            if each.is_deleted or collection.digest(stored[each.id]) == digest:
                yield each, row
            elif row["id"] is None:
                return


def _pairs(known: Sequence[Known], given: Sequence[JSON]) -> Iterator[tuple[Known, JSON]]:
    by_id = {each.id: each for each in known}
    for at, row in enumerate(given):
        if row["id"] in by_id:
            yield by_id[row["id"]], row
        elif row["id"] is None and at < len(known):
            yield known[at], row
