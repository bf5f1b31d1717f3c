"""Creates, migrates or rejects the tables of a database when it is opened."""

import secrets
from typing import Final

from sqlalchemy import Connection, insert, inspect, select, update

from backscroll.database.column_types import tables
from backscroll.database.faults import StoreError
from backscroll.database.locks import take_turns
from backscroll.database.schema import (
    TABLE_SETS,
    TableSet,
    retention_clock,
    sets_in,
    version_table,
)
from backscroll.database.schema_version import SCHEMA_VERSION
from backscroll.database.search_schema import search_seal

_version: Final = select(version_table.c.version)


def prepare(connection: Connection, name: str, needed: TableSet) -> None:
    """Create missing tables and migrate old ones, or reject the database.

    This always writes a row, so that a read-only database is rejected now and not by a later
    request.

    Args:
        connection: a connection in a write transaction.
        name: the name of the database in error messages.
        needed: the set of tables that is created if it is missing. Other sets are only migrated.

    Raises:
        StoreError: the database belongs to another program or to a newer version of Backscroll.
    """
    take_turns(connection, "schema")
    present = set(inspect(connection).get_table_names())
    if not present:
        version_table.create(connection)
        connection.execute(insert(version_table).values(version=SCHEMA_VERSION, opened=0))
    elif version_table.name not in present:
        line = f"{name} has tables of another program: point BACKSCROLL_DATABASE elsewhere"
        raise StoreError(line)
    version = connection.execute(_version).scalar_one()
    if version > SCHEMA_VERSION:
        line = (
            f"{name} was written by a newer Backscroll (its schema is {version}, this one supports "
            f"{SCHEMA_VERSION}): upgrade Backscroll or point BACKSCROLL_DATABASE elsewhere"
        )
        raise StoreError(line)
    if version < SCHEMA_VERSION:
        from backscroll.database.migrations import migrate  # alembic is slow to import

        migrate(connection, version, sets_in(present))
        connection.execute(update(version_table).values(version=SCHEMA_VERSION))
        present = set(inspect(connection).get_table_names())
    if needed not in sets_in(present):
        tables.create_all(connection, TABLE_SETS[needed], checkfirst=False)
        if needed == "store":
            connection.execute(insert(retention_clock).values(elapsed_ms=0, token=""))
            connection.execute(insert(search_seal).values(key=secrets.token_hex(32)))
    connection.execute(update(version_table).values(opened=version_table.c.opened + 1))
