"""What SQLite needs now and then: statistics for its planner, and a check of every row.

Each function is one bounded step, because with a rollback journal a reader delays the commits of
all writers. Only `compact` is not bounded: it rewrites the whole file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from sqlalchemy import JSON, Connection

from backscroll.database.column_types import tables
from backscroll.database.compressed_json import damage_of
from backscroll.database.sqlite_file import found_within, pragma_flaw

if TYPE_CHECKING:
    import sqlite3

ANALYSED_ROWS: Final = 1_000
"""About how many rows of each index are read to estimate how selective it is."""

BEFORE_ALL: Final = -(1 << 63)
"""A row number that no table has, because it is less than all others."""

_TABLES: Final = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0"
    " AND name NOT LIKE 'sqlite_%' ORDER BY name"
)
_HAS_ROWID: Final = "SELECT sql NOT LIKE '%WITHOUT ROWID%' FROM sqlite_master WHERE name = ?"


class Walked(NamedTuple):
    """The rows of a table that one step read.

    Attributes:
        last: the number of the last row; None if there were no more rows.
        read: how many rows were read.
        flaw: what is wrong with them, on one line without their content; empty if nothing is.
    """

    last: int | None
    read: int
    flaw: str = ""


def table_names(connection: Connection) -> list[str]:
    """Return the names of all tables, including those in which FTS5 keeps its index."""
    return list(connection.exec_driver_sql(_TABLES).scalars())


def has_log(connection: Connection) -> bool:
    """Whether there is a write-ahead log. If so, no reader ever delays a writer."""
    return bool(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal")


def sizes(connection: Connection) -> tuple[int, int]:
    """Return the size of the database, and how much of it is free, in bytes."""
    pages, free, size = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
        for name in ("page_count", "freelist_count", "page_size")
    )
    return pages * size, free * size


def analyse(connection: Connection, table: str) -> None:
    """Update the planner's statistics of a table, from a sample of its rows."""
    connection.exec_driver_sql(f"PRAGMA analysis_limit = {ANALYSED_ROWS}")
    connection.exec_driver_sql(f"ANALYZE {_quoted(table)}")


def structure_flaw(connection: Connection, table: str, limit_s: float) -> str | None:
    """Check the pages of a table, and whether its indexes have an entry for each of its rows.

    Args:
        connection: a connection outside a transaction.
        table: the name of the table.
        limit_s: the time limit in seconds; infinite for none.

    Returns:
        The first flaw on one line, without data of the database; an empty string if there is no
        flaw; None if the time limit was exceeded.

    Raises:
        DBAPIError: the table cannot be read.
    """
    pragma = f"integrity_check({_quoted(table)})"
    return found_within(connection, limit_s, lambda: pragma_flaw(connection, pragma))


def last_row(connection: Connection, table: str) -> int | None:
    """Return the greatest row number of a table; None if it has no rows or no row numbers.

    Raises:
        DBAPIError: the table cannot be read.
    """
    if not connection.exec_driver_sql(_HAS_ROWID, (table,)).scalar():
        return None
    greatest = f"SELECT max(rowid) FROM {_quoted(table)}"  # noqa: S608 - a name in the schema
    last: int | None = connection.exec_driver_sql(greatest).scalar_one()
    return last


@contextmanager
def reading(connection: Connection) -> Iterator[None]:
    """Read one state of the database while open, without waiting for locks in between."""
    connection.exec_driver_sql("BEGIN")
    try:
        connection.exec_driver_sql(_TABLES).first()  # waits for the lock
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK")


def walk(connection: Connection, table: str, above: int, last: int, most: int) -> Walked:
    """Read up to `most` rows of a table whole, and check their JSON.

    Args:
        connection: a connection.
        table: the name of a table with row numbers.
        above: the number of the last row that was read, or `BEFORE_ALL`.
        last: the number of the last row to read.
        most: the maximum number of rows.

    Raises:
        DBAPIError: a row cannot be read.
    """
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    names = connection.exec_driver_sql(f"PRAGMA table_info({_quoted(table)})").all()
    columns = [str(each[1]) for each in names]
    checks = "".join(f", {_checked(driver, table, column)}" for column in columns)
    statement = (
        f"SELECT max(number), count(*){checks} FROM (SELECT rowid AS number, * FROM"  # noqa: S608 - names in the schema
        f" {_quoted(table)} WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?)"
    )
    read, count, *flaws = connection.exec_driver_sql(statement, (above, last, most)).one()
    malformed = [name for name, flaw in zip(columns, flaws, strict=True) if flaw]
    return Walked(read, count, f"malformed JSON in {table}.{malformed[0]}" if malformed else "")


def compact(connection: Connection) -> None:
    """Write the database into a file without free pages, which takes as long as copying it.

    Raises:
        DBAPIError: another connection reads or writes, or the disk has no room for the copy.
    """
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    connection.exec_driver_sql("VACUUM")


def _checked(driver: "sqlite3.Connection", table: str, column: str) -> str:
    """Return an expression that reads a column whole; it is above 0 if JSON is malformed."""
    name = _quoted(column)
    known = tables.tables.get(table)
    if known is not None and column in known.c and isinstance(known.c[column].type, JSON):
        return f"sum({damage_of(driver, name)})"
    return f"0 * count({name} || '')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
