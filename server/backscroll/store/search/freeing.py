"""Frees the space that moved rows and merged pages of PostgreSQL's index leave behind."""

from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from backscroll.database.faults import DatabaseBusyError
from backscroll.database.locks import need_primary, sqlstate
from backscroll.database.port import Database

Packed: TypeAlias = Literal["search_rows", "search_pages"]
"""The tables that `packing` deletes rows from."""

_IN_TRANSACTION: Final = "25001"
_BYTES: Final = (
    "SELECT pg_total_relation_size(oid) FROM pg_class"
    " WHERE oid = CAST('search_rows' AS regclass) AND pg_has_role(relowner, 'USAGE')"
)
"""There is no result if this role may not write the table anew."""


async def vacuum(database: Database, table: Packed) -> bool:
    """Make space usable again, and return False if that takes longer than a statement may.

    Behind a pooler, where it is impossible, autovacuum does that.
    """

    def run(connection: Connection) -> None:
        need_primary(connection)
        connection.exec_driver_sql(f"VACUUM {table}")

    try:
        # Connections for reading have no transactions without a pooler.
        await database.read(run)
    except DatabaseBusyError:
        return False
    except DBAPIError as error:
        if sqlstate(error) != _IN_TRANSACTION:
            raise
    return True


def write_anew(connection: Connection, most: int) -> None:
    """Write `search_rows` anew if it takes more than `most` bytes. Call this if it has few rows.

    Otherwise it would keep its size, because the rows that are left are at the end of its file. And
    a GIN index never shrinks.
    """
    if (connection.exec_driver_sql(_BYTES).scalar() or 0) > most:
        connection.exec_driver_sql("CLUSTER search_rows USING search_rows_pkey")
