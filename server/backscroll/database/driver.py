"""Runs the statements of writes.

On SQLite, the driver runs them directly, because for a statement that changes one row SQLAlchemy
takes several times as long as SQLite. On PostgreSQL, SQLAlchemy runs them.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from backscroll.database.driver_errors import is_of_file

FILE: Final = "file"
"""The key of the opened file's identity in the `info` of connections to SQLite (`sqlite_file`)."""


def run(connection: Connection, sql: str, parameters: Sequence[Any] = ()) -> list[Sequence[Any]]:
    """Run a statement, and return the rows that it returns.

    Args:
        connection: a connection. For a statement that writes, its transaction must have begun.
        sql: the statement in the engine's SQL.
        parameters: the values of its parameters, as the driver accepts them.

    Raises:
        DBAPIError: the statement failed, as with `Connection.exec_driver_sql`.
    """
    if connection.dialect.name != "sqlite":
        result = connection.exec_driver_sql(sql, tuple(parameters))
        return list(result) if result.returns_rows else []
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    try:
        return driver.execute(sql, parameters).fetchall()
    except sqlite3.Error as error:
        failed = cast("DBAPIError", DBAPIError.instance("", None, error, sqlite3.Error))
        reopen_after(connection, failed)
        raise failed from error


def run_each(connection: Connection, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run a statement once for each of `rows`, with the row's values. `rows` is not empty.

    Raises:
        DBAPIError: the statement failed, as in `run`.
    """
    if len(rows) == 1:
        run(connection, sql, rows[0])
    else:
        connection.exec_driver_sql(sql, list(rows))


def reopen_after(connection: Connection, error: DBAPIError) -> None:
    """Make a connection be reopened before its next use, because its cache may be stale.

    This does nothing if the database's file cannot be the cause of the error.
    """
    if is_of_file(error):
        connection.info[FILE] = None
