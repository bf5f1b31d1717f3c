"""Named locks for concurrent write transactions on PostgreSQL.

`FOR UPDATE` can lock only rows that exist. (SQLAlchemy omits it on SQLite.) The locks in this
module protect objects that have no row yet. On SQLite only one transaction writes at a time, so
these locks are not needed.
"""

from typing import Final

from sqlalchemy import Connection, Table, Text, bindparam, func, select, text
from sqlalchemy.exc import DBAPIError

LOCK_S: Final = 10.0
"""The maximum time that a read or write waits for locks and for earlier writes, in seconds."""

LOCK_NOT_AVAILABLE: Final = "55P03"

# If two names have the same hash, their transactions wait for each other. That is slow but correct.
_lock: Final = select(
    func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name", type_=Text), 0))
)

# A transaction that changes rows of a table holds a `RowExclusiveLock` on the table until it ends.
_writers: Final = text(
    "SELECT virtualtransaction FROM pg_locks WHERE mode = 'RowExclusiveLock'"
    " AND locktype = 'relation' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND relation IN (SELECT to_regclass(name) FROM unnest(CAST(:names AS TEXT[])) AS name)"
)

OF_STANDBY: Final = "backscroll_of_standby"
"""The key in the `info` of connections to a standby that reads are sent to."""


class PrimaryNeededError(Exception):
    """A standby got work that only the primary can do. `Database.read` never raises this."""


def need_primary(connection: Connection) -> None:
    """Raise an error on a standby that reads are sent to. `Database.read` then asks the primary.

    Raises:
        PrimaryNeededError: the connection is to such a standby.
    """
    if connection.info.get(OF_STANDBY):
        raise PrimaryNeededError


def take_turns(connection: Connection, *names: str) -> None:
    """Lock `names` until the transaction ends. Other transactions that lock the same names wait.

    Raises:
        DBAPIError: the wait exceeded the engine's lock timeout (`LOCK_NOT_AVAILABLE`).
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_lock, {"name": "\n".join(("backscroll", *names))})


def lock_list(connection: Connection, table: Table, partition: str) -> None:
    """Lock a partition of `table` until the transaction ends: no other transaction can append rows.

    Without the lock, two transactions could append the rows 7 and 8 at the same time. If 8 were
    committed first, a reader could see 8, continue after it, and never see 7. With the lock, rows
    are committed in the order of their positions.
    """
    take_turns(connection, "list", table.name, partition)


def writers_of(connection: Connection, *tables: str) -> frozenset[str]:
    """Return the ids of the transactions that are changing rows of `tables`; none on SQLite.

    These are virtual transaction ids, which are unique among running transactions (PostgreSQL
    documentation, `pg_locks`).

    Raises:
        PrimaryNeededError: as in `need_primary`. A standby does not know the primary's
            transactions.
    """
    if connection.dialect.name != "postgresql":
        return frozenset()
    need_primary(connection)
    return frozenset(connection.scalars(_writers, {"names": list(tables)}))


def sqlstate(error: DBAPIError) -> str:
    """Return the SQLSTATE of an error, or an empty string if the error has none."""
    return str(getattr(error.orig, "sqlstate", None) or "")
