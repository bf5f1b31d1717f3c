"""What PostgreSQL needs now and then beside its autovacuum, and a check of every row.

No step delays a writer: `VACUUM` and `ANALYZE` take a lock that only they and changes of the schema
take, and each step of a check is a statement of its own.
"""

from typing import Final

from sqlalchemy import Connection, text

from backscroll.database.column_types import tables
from backscroll.database.search_schema import POSTGRES_TABLES

BLOCKS: Final = 1_024
"""How many blocks of 8 KiB of a table are read in one step, with the long values in them."""

_TABLES: Final = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = current_schema::regnamespace"
    " AND relname = ANY(CAST(:names AS TEXT[])) ORDER BY relname"
)
_SIZE: Final = text(
    "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relkind = 'r'"
    " AND relnamespace = current_schema::regnamespace AND relname = ANY(CAST(:names AS TEXT[]))"
)
_BLOCKS: Final = "SELECT pg_relation_size('{}') / current_setting('block_size')::INTEGER"
_READ: Final = (
    "SELECT coalesce(sum(octet_length(each::TEXT)), 0) FROM {} AS each"
    " WHERE ctid >= '({},0)' AND ctid < '({},0)'"
)
_INDEXES: Final = text(
    "SELECT indexrelid::REGCLASS::TEXT FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid"
    " JOIN pg_am ON pg_am.oid = relam WHERE amname = 'btree' AND indisvalid"
    " AND indrelid = CAST(:name AS REGCLASS) ORDER BY 1"
)
_HAS_AMCHECK: Final = "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'amcheck')"
_CHECK_INDEX: Final = text("SELECT bt_index_check(CAST(:name AS REGCLASS), true)")
_FAILED_CHECKSUMS: Final = (
    "SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()"
)


def table_names(connection: Connection) -> list[str]:
    """Return the names of the store's tables that the database has."""
    return list(connection.scalars(_TABLES, {"names": _own_names()}))


def size(connection: Connection) -> int:
    """Return the size of the store's tables with their indexes, in bytes."""
    return int(connection.scalar(_SIZE, {"names": _own_names()}) or 0)


def vacuum(connection: Connection, table: str) -> None:
    """Make the space of old versions of rows usable, and update the planner's statistics.

    This also merges the pending entries of the search index into the index.
    """
    connection.exec_driver_sql(f"VACUUM (ANALYZE) {table}")


def blocks(connection: Connection, table: str) -> int:
    """Return how many blocks a table has."""
    return int(connection.exec_driver_sql(_BLOCKS.format(table)).scalar_one())


def read_blocks(connection: Connection, table: str, first: int) -> None:
    """Read all rows in up to `BLOCKS` blocks of a table, from the block `first` on.

    PostgreSQL checks the header of each block, and its checksum if the server has checksums.

    Raises:
        DBAPIError: a block cannot be read.
    """
    connection.exec_driver_sql(_READ.format(table, first, first + BLOCKS))


def has_amcheck(connection: Connection) -> bool:
    """Whether the extension `amcheck` is installed, which checks indexes."""
    return bool(connection.exec_driver_sql(_HAS_AMCHECK).scalar_one())


def check_indexes(connection: Connection, table: str) -> None:
    """Check the B-tree indexes of a table, and that they have an entry for each of its rows.

    Raises:
        DBAPIError: an index is damaged (SQLSTATE `XX002`).
    """
    for name in connection.scalars(_INDEXES, {"name": table}).all():
        connection.execute(_CHECK_INDEX, {"name": name})


def failed_checksums(connection: Connection) -> int:
    """Return how many blocks of the database failed their checksum since statistics were reset."""
    return int(connection.exec_driver_sql(_FAILED_CHECKSUMS).scalar_one())


def _own_names() -> list[str]:
    return [*tables.tables, *POSTGRES_TABLES]
