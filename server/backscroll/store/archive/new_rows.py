"""The rows and the search entries of threads and conversations that are new."""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from backscroll.store.archive.prepared import CONVERSATIONS, Prepared
from backscroll.store.conversation_object import is_message
from backscroll.store.envelopes import JSON
from backscroll.store.search.texts import Entry
from backscroll.store.search.tool_indexing import indexes_tools


def member_rows(prepared: Prepared, owner: int) -> list[JSON]:
    """Return the rows of the messages or items of a new thread or conversation.

    Args:
        prepared: the thread or conversation.
        owner: the position of its row.
    """
    collection = prepared.collection
    unnamed = [row for row in prepared.members if row["id"] is None]
    ids = iter(collection.new_ids(unnamed))
    return [
        {**row, "id": row["id"] or next(ids), "position": position, collection.owner: owner}
        for position, row in enumerate(prepared.members, 1)
    ]


def owner_row(prepared: Prepared, partition: str, now_us: int) -> JSON:
    """Return the row of a new thread or conversation. `now_us` is as in `write`."""
    return {
        **prepared.row,
        "partition": partition,
        "next_position": len(prepared.members) + 1,
        "last_active_us": prepared.active_us(now_us),
        **_counts(prepared),
    }


def searched(
    connection: Connection,
    prepared: Prepared,
    entries: Mapping[int, Entry],
) -> Iterator[Entry]:
    """Yield the search entries of the messages or items of a new thread or conversation.

    Args:
        connection: the connection of the transaction.
        prepared: the thread or conversation.
        entries: as in `Change`.
    """
    collection, created_at = prepared.collection, prepared.row["created_at"]
    with_tools = indexes_tools(connection)
    for at, row in enumerate(prepared.members):
        if (entry := entries.get(at)) is not None:
            yield entry
        # The first one is indexed with the title. Others without a text have no entry.
        elif with_tools or not at or collection.text(row):
            yield collection.entry({**row, "position": at + 1}, created_at)


def _counts(prepared: Prepared) -> JSON:
    members = prepared.members
    if prepared.collection is CONVERSATIONS:
        return {"message_count": sum(is_message(row["body"]) for row in members)}
    last = members[-1]["created_at"] if members else None
    return {"message_count": len(members), "last_message_at": last}
