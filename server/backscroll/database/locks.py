"""Named locks for concurrent write transactions on PostgreSQL.

`FOR UPDATE` can lock only rows that exist (SQLAlchemy omits it on SQLite). These locks protect
objects that have no row yet. SQLite has a single writer and needs no locks.
"""

from typing import Final

from sqlalchemy import Connection, Table, Text, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError

LOCK_S: Final = 10.0
"""How long a read or a write waits for locks and for its turn before it fails, in seconds."""

LOCK_NOT_AVAILABLE: Final = "55P03"

# If two names have the same hash, their transactions wait for each other: slower, but correct.
_lock: Final = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name", type_=Text), 0))
)

# A transaction that changes rows holds this lock of their table until it ends.
_writers: Final = text(
    "SELECT virtualtransaction FROM pg_locks WHERE mode = 'RowExclusiveLock'"
    " AND locktype = 'relation' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND relation IN (SELECT to_regclass(name) FROM unnest(CAST(:names AS TEXT[])) AS name)"
)


def take_turns(connection: Connection, *names: str) -> None:
    """Lock `names` until the transaction ends, so that transactions with the same names take turns.

    Raises:
        DBAPIError: the wait exceeded the engine's lock timeout (`LOCK_NOT_AVAILABLE`).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_lock, {"name": "\n".join(("backscroll", *names))})


def lock_list(connection: Connection, table: Table, partition: str) -> None:
    """Lock a partition of `table` until the transaction ends, so that only it can append rows.

    Without the lock, a sequence can give 7 and 8 to two transactions. If 8 is committed first, a
    reader that continues after 8 never sees 7. With the lock, positions are in commit order.
    """
    take_turns(connection, "list", table.name, partition)


def writers_of(connection: Connection, *tables: Table) -> frozenset[str]:
    """Return the transactions that are changing rows of `tables` now; none on SQLite.

    Each is named by its virtual transaction id, which is unique among running transactions
    (PostgreSQL documentation, `pg_locks`).
    """
    if connection.dialect.name != "postgresql":
        return frozenset()
    found = connection.scalars(_writers, {"names": [table.name for table in tables]})
    return frozenset(found)


def sqlstate(error: DBAPIError) -> str:
    """Return the SQLSTATE of an error, or an empty string if it has none."""
    return str(getattr(error.orig, "sqlstate", None) or "")
