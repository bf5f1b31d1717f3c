"""Inserts many rows at once: with COPY on PostgreSQL, and with one prepared statement on SQLite."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from backscroll.database.compiled import CompiledStatement

if TYPE_CHECKING:
    from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection

COPIED: Final = 100
"""Fewer rows than this are inserted, because a COPY takes one more round trip."""


def insert_many(
    connection: Connection,
    statement: CompiledStatement,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    renamed: Mapping[str, str],
) -> None:
    """Insert rows.

    Args:
        connection: a connection in a write transaction.
        statement: the INSERT for one row.
        table: the name of its table.
        rows: the values of each row, by the name of their parameter; at least one row.
        renamed: the columns of parameters that have another name than their column.

    Raises:
        DBAPIError: the database does not accept a value, or another error.
    """
    if connection.dialect.name != "postgresql" or len(rows) < COPIED:
        statement.execute_each(connection, rows)
        return
    names = statement.names(connection)
    columns = [renamed.get(name, name) for name in names]
    copy(connection, table, columns, statement.each_parameters(connection, rows))


def copy(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows with COPY. Only for PostgreSQL.

    Args:
        connection: a connection in a write transaction.
        table: the name of the table.
        columns: the names of the columns to fill.
        rows: the values of each row, as the driver takes them.

    Raises:
        DBAPIError: as in `insert_many`.
    """
    import asyncpg

    adapted = cast("AsyncAdapt_dbapi_connection", connection.connection.dbapi_connection)
    try:
        adapted.run_async(
            lambda driver: driver.copy_records_to_table(table, columns=columns, records=rows)
        )
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if isinstance(error, ValueError):  # a value that has no form in its column's type
            raise DBAPIError(f"COPY {table}", None, error) from None
        raise ConnectionError("the connection was lost") from error
    except asyncpg.PostgresError as error:
        raise DBAPIError(f"COPY {table}", None, error) from None
