"""Turns that transactions take, where the engine lets several write at once.

SQLite has one writer, which needs no more. On PostgreSQL a row that stands is locked by
`FOR UPDATE`, which SQLite leaves out; what has no row yet is locked here, by its name.
"""

from typing import Final

from sqlalchemy import Connection, Table, Text, bindparam, func, select
from sqlalchemy.exc import DBAPIError

LOCK_S: Final = 10.0
"""How many seconds work waits for locks, and for its turn, before its caller hears of it."""

LOCK_NOT_AVAILABLE: Final = "55P03"

# Two names with one hash wait for each other without need, and that is all.
_lock: Final = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name", type_=Text), 0))
)


def take_turns(connection: Connection, *names: str) -> None:
    """Let no other transaction that gives these names go on from here until this one has ended.

    Raises:
        DBAPIError: no turn within the engine's wait for a lock; its `sqlstate` says so.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_lock, {"name": "\n".join(("backscroll", *names))})


def take_place(connection: Connection, table: Table, partition: str) -> None:
    """Hold the end of a partition's list of `table` until the transaction ends.

    A row that is inserted after this has a position above all that were committed, and below all
    that will be. Without it a sequence gives out 7 and 8 to two transactions, 8 is committed first,
    and a reader that continues behind 8 never sees 7.
    """
    take_turns(connection, "list", table.name, partition)


def sqlstate(error: DBAPIError) -> str:
    """Return PostgreSQL's code for an error, or an empty string where it gave none."""
    return str(getattr(error.orig, "sqlstate", None) or "")
