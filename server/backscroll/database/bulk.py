"""Inserts many rows at once: with COPY on PostgreSQL, and with one prepared statement on SQLite."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from backscroll.database.compiled import CompiledStatement

if TYPE_CHECKING:
    from sqlalchemy.connectors.asyncio import AsyncAdapt_dbapi_connection

COPIED: Final = 100
"""Fewer rows than this are inserted, because a COPY takes one more round trip."""
MOST_COPIED: Final = 16_384
"""The maximum number of rows in one COPY, so that it ends long before a statement's time limit."""

_TURN: Final = 128
"""After so many rows of a COPY, the event loop may do other work."""


def insert_many(
    connection: Connection,
    statement: CompiledStatement,
    table: str,
    rows: Iterable[Mapping[str, Any]],
    renamed: Mapping[str, str],
) -> None:
    """Insert rows.

    Args:
        connection: a connection in a write transaction.
        statement: the INSERT for one row.
        table: the name of its table.
        rows: the values of each row, by the name of their parameter. Iterating over them must not
            use the connection.
        renamed: the columns of parameters that have another name than their column.

    Raises:
        DBAPIError: the database does not accept a value, or another error.
    """
    waiting = iter(rows)
    most = COPIED if connection.dialect.name == "postgresql" else None
    first = list(islice(waiting, most))
    if len(first) != most:
        if first:
            statement.execute_each(connection, first)
        return
    columns = [renamed.get(name, name) for name in statement.names(connection)]
    copied = statement.each_parameters(connection, chain(first, waiting))
    copy(connection, table, columns, copied)


def copy(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Insert rows with COPY, in statements with a limited number of rows. Only for PostgreSQL.

    Args:
        connection: a connection in a write transaction.
        table: the name of the table.
        columns: the names of the columns to fill.
        rows: the values of each row, as the driver takes them. They are computed while PostgreSQL
            inserts those before them. Iterating over them must not use the connection.

    Raises:
        DBAPIError: as in `insert_many`.
    """
    waiting = iter(rows)
    for first in waiting:
        _copy(connection, table, columns, chain((first,), islice(waiting, MOST_COPIED - 1)))


def _copy(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    import asyncpg

    async def copied(driver: Any) -> None:  # noqa: ANN401 - asyncpg's connection has no types
        async with aclosing(_in_turns(rows)) as records:
            await driver.copy_records_to_table(table, columns=columns, records=records)

    adapted = cast("AsyncAdapt_dbapi_connection", connection.connection.dbapi_connection)
    try:
        adapted.run_async(copied)
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        if isinstance(error, ValueError):  # a value that has no form in its column's type
            raise DBAPIError(f"COPY {table}", None, error) from None
        raise ConnectionError("the connection was lost") from error
    except asyncpg.PostgresError as error:
        raise DBAPIError(f"COPY {table}", None, error) from None


async def _in_turns(rows: Iterable[Sequence[Any]]) -> AsyncGenerator[Sequence[Any], None]:
    for number, row in enumerate(rows, 1):
        yield row
        if number % _TURN == 0:
            await asyncio.sleep(0)
