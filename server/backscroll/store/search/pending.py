"""The table `search_pending`: the work on the index that is still to be done in the background."""

from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from backscroll.database.deferred import settle
from backscroll.database.locks import take_turns
from backscroll.database.search_schema import search_pending
from backscroll.store.search import pages, terms
from backscroll.store.search.entries import OWNERS
from backscroll.store.search.rows import is_postgres

_MERGES: Final = 4
"""How many merge steps a step of the background takes."""
ERASING: Final = 4
"""The kind of the row that exists while FTS5's index still contains tokens of removed rows."""
TOOLS_INDEXED: Final = 5
"""The kind of the row that records a call of `add_tools`. Later calls then do nothing."""

EMBEDDING: Final = 6
"""The kind of a row that is a lease: the process that holds it requests the vectors of messages.
The row's `below` is the end of the lease, in nanoseconds of Unix time."""

_tools_indexed: Final = select(search_pending.c.below).where(search_pending.c.kind == TOOLS_INDEXED)

_lease: Final = select(search_pending.c.below).where(search_pending.c.kind == EMBEDDING)


def start_over(connection: Connection) -> None:
    """Empty the index. All messages are then indexed again in the background."""
    # The background would write its progress over what `_look_for_missing` writes.
    take_turns(connection, "search index")
    # A statement would not see pages that another transaction has merged, and commits meanwhile.
    pages.take_turn(connection)
    settle(connection)
    terms.clear(connection)
    connection.execute(delete(search_pending))
    _look_for_missing(connection)


def add_tools(connection: Connection) -> None:
    """Begin to index stored messages whose only text is that of tools, unless this has begun.

    The text of tools is the input and output of tool calls. The messages are added in the
    background. Messages with a title or other text are in the index already, and do not change.
    """
    take_turns(connection, "search index")
    if connection.execute(_tools_indexed).first() is None:
        connection.execute(insert(search_pending).values(kind=TOOLS_INDEXED, below=0))
        _look_for_missing(connection)


def lease(connection: Connection, now: int, held: int, until: int) -> bool:
    """Take or renew the lease to request vectors. Return whether this process holds it.

    Args:
        connection: a connection in a write transaction.
        now: the time, in nanoseconds of Unix time.
        held: the end of the lease that this process took before; 0 if it took none.
        until: the end of the new lease.
    """
    take_turns(connection, "search embedding")
    end = connection.scalar(_lease)
    # If the end is too far in the future, the clock of its process is wrong, so ignore the lease.
    if end is not None and now < end <= now + 2 * (until - now) and end != held:
        return False
    connection.execute(delete(search_pending).where(search_pending.c.kind == EMBEDDING))
    connection.execute(insert(search_pending).values(kind=EMBEDDING, below=until))
    return True


def erase(connection: Connection) -> None:
    """Erase the tokens of removed rows, if one step can erase them all.

    Otherwise, a background task erases them, so that a deletion costs the same in an index of any
    size.
    """
    if not (terms.takes_one_step(connection) and terms.forget(connection, steps=1)):
        erase_later(connection)


def erase_later(connection: Connection) -> None:
    """Let the background erase the tokens of removed rows.

    On PostgreSQL, `rewriting` looks for removed rows itself.
    """
    if is_postgres(connection):
        return
    connection.execute(delete(search_pending).where(search_pending.c.kind == ERASING))
    connection.execute(insert(search_pending).values(kind=ERASING, below=0))


def erase_step(connection: Connection) -> bool:
    """Take one step of erasing removed rows, and return whether all are erased.

    Args:
        connection: a connection in a write transaction, which no other work may share.
    """
    done = terms.forget(connection, _MERGES)
    if done:
        connection.execute(delete(search_pending).where(search_pending.c.kind == ERASING))
    return done


def _look_for_missing(connection: Connection) -> None:
    connection.execute(delete(search_pending).where(search_pending.c.kind < ERASING))
    for kind, table in OWNERS.items():
        last = connection.scalar(select(func.max(table.c.position)))
        if last is not None:
            connection.execute(insert(search_pending).values(kind=kind, below=last + 1))
