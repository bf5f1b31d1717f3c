"""The rows and the search entries of threads and conversations that are new."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from backscroll.store.archive.prepared import CONVERSATIONS, Prepared
from backscroll.store.conversation_object import is_message
from backscroll.store.envelopes import JSON
from backscroll.store.search.tool_indexing import indexes_tools

if TYPE_CHECKING:
    from backscroll.store.search.texts import Entry
    from backscroll_tools.search.tokenizer import Tokens


def member_rows(prepared: Prepared) -> list[JSON]:
    """Return the rows of the messages or items of a new thread or conversation, without it."""
    new_id = prepared.collection.new_id
    return [
        {**row, "id": row["id"] or new_id(row), "position": position}
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
    rows: Sequence[JSON],
    tokens: "Mapping[int, Tokens]",
) -> "Iterator[Entry]":
    """Yield the search entries of the messages or items of a new thread or conversation.

    Args:
        connection: the connection of the transaction.
        prepared: the thread or conversation.
        rows: what `member_rows` returned for it.
        tokens: as in `Change`.
    """
    collection, created_at = prepared.collection, prepared.row["created_at"]
    with_tools = indexes_tools(connection)
    for at, row in enumerate(rows):
        # The first one is indexed with the title. Others without a text have no entry.
        if with_tools or not at or at in tokens or collection.text(row):
            yield collection.entry(row, created_at)._replace(tokens=tokens.get(at))


def _counts(prepared: Prepared) -> JSON:
    members = prepared.members
    if prepared.collection is CONVERSATIONS:
        return {"message_count": sum(is_message(row["body"]) for row in members)}
    last = members[-1]["created_at"] if members else None
    return {"message_count": len(members), "last_message_at": last}
