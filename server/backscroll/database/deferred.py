"""Defers work of a write until the end of the write's transaction.

If several writes share a transaction, their deferred work is done together. For example, the rows
of all writes are added to an index at once, which takes far less time than one insert for each
write.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import Connection

Deferred: TypeAlias = Callable[[Connection, Sequence[Any]], None]
"""A function that does deferred work for a list of items."""

_KEY: Final = "deferred"


def defer(connection: Connection, work: Deferred, items: Sequence[Any]) -> int:
    """Pass items to `work` before the transaction of a connection is committed.

    Args:
        connection: a connection to SQLite, in a write transaction.
        work: the function to call once, with all items that are deferred for it.
        items: what to pass to `work`, after the items that were deferred for it earlier.

    Returns:
        How many items are now deferred for `work`.
    """
    waiting = _of(connection).setdefault(work, [])
    waiting += items
    return len(waiting)


def settle(connection: Connection) -> None:
    """Do the deferred work now.

    Call this before reading rows that the work changes. On PostgreSQL no work is deferred.
    """
    waiting = _of(connection)
    while waiting:
        work = next(iter(waiting))
        work(connection, waiting.pop(work))


def kept(connection: Connection) -> dict[Deferred, list[Any]]:
    """Return a copy of the deferred items, for `restore`."""
    return {work: list(items) for work, items in _of(connection).items()}


def restore(connection: Connection, waiting: dict[Deferred, list[Any]]) -> None:
    """Replace the deferred items, because the transaction was rolled back to an earlier state.

    Args:
        connection: the connection of the transaction.
        waiting: the result of `kept` in the earlier state; empty at the start of a transaction.
    """
    connection.info[_KEY] = waiting


def _of(connection: Connection) -> dict[Deferred, list[Any]]:
    return cast("dict[Deferred, list[Any]]", connection.info.setdefault(_KEY, {}))
