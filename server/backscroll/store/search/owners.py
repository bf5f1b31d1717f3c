"""Removes the messages of a whole thread, conversation, completion or response from the index."""

from sqlalchemy import Connection

from backscroll.database.deferred import settle
from backscroll.store.search import index, pending, rows, terms
from backscroll.store.search.entries import CHUNK, entries_at


def remove_owner(connection: Connection, owner: int) -> None:
    """Remove all messages of an owner from the index. Call this before the messages are erased."""
    above, found = 0, False
    while removed := remove_some(connection, owner, above, CHUNK):
        above, found = max(removed), True
    if found:
        pending.erase(connection)


def remove_some(connection: Connection, owner: int, above: int, most: int) -> dict[int, int]:
    """Remove up to `most` messages of an owner from the index, those of the oldest rows first.

    The messages must not be erased yet. Their tokens stay in FTS5's index until `pending.erase`.

    Args:
        connection: the connection of a transaction.
        owner: the number of the owner.
        above: the number of the last row that was removed; 0 for none.
        most: the maximum number of messages.

    Returns:
        The position of each removed message, by its row. It is empty if there are no more.
    """
    settle(connection)
    between = (above + 1, rows.newest(connection))
    ids = terms.having(connection, [index.owner_token(owner)], "all", between, most, "oldest")
    data = rows.read(connection, ids)
    positions = {row: each.position for row, each in data.items()}
    found = {each.position: each for each in entries_at(connection, owner, positions.values())}
    removed = []
    for row, each in data.items():
        if each.position in found:
            text = index.text_in(each, found[each.position])
            text = index.indexed_text(connection, owner, each.position, text)
            removed.append((row, each, text))
    return positions if not removed or index.remove_rows(connection, removed) else {}
