"""Locks by name, for transactions that write at the same time.

SQLite has one writer and needs no such locks. On PostgreSQL, `FOR UPDATE` locks a row that exists
(SQLAlchemy omits it on SQLite); a name is locked here if it has no row yet.
"""

from typing import Final

from sqlalchemy import Connection, Table, Text, bindparam, func, select
from sqlalchemy.exc import DBAPIError

LOCK_S: Final = 10.0
"""How many seconds a read or a write waits for locks and for its turn before it fails."""

LOCK_NOT_AVAILABLE: Final = "55P03"

# Two names with the same hash wait for each other needlessly, which does no harm.
_lock: Final = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name", type_=Text), 0))
)


def take_turns(connection: Connection, *names: str) -> None:
    """Make other transactions that call this with the same names wait until this one ends.

    Raises:
        DBAPIError: the wait exceeded the engine's lock timeout (`LOCK_NOT_AVAILABLE`).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_lock, {"name": "\n".join(("backscroll", *names))})


def take_place(connection: Connection, table: Table, partition: str) -> None:
    """Let no other transaction append to a partition's rows of `table` until this one ends.

    A row that is inserted after this gets a position above all committed rows and below all later
    ones. Without the lock, a sequence may give 7 and 8 to two transactions: if 8 is committed
    first, a reader that continues after 8 never sees 7.
    """
    take_turns(connection, "list", table.name, partition)


def sqlstate(error: DBAPIError) -> str:
    """Return PostgreSQL's code for an error, or an empty string if it has no code."""
    return str(getattr(error.orig, "sqlstate", None) or "")
