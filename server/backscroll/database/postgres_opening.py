"""Opens a database on a PostgreSQL server, and brings its tables up to date."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from typing import Final

import anyio
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from backscroll.database.column_types import tables
from backscroll.database.faults import (
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    StoreError,
)
from backscroll.database.locks import LOCK_S, sqlstate
from backscroll.database.postgres import PostgresDatabase
from backscroll.database.postgres_address import Address, why_refused
from backscroll.database.postgres_engine import POOL_WAIT_S, Pools
from backscroll.database.postgres_outage import OUTAGE_PER_LOCK
from backscroll.database.postgres_pooling import is_pooled
from backscroll.database.postgres_session import Session
from backscroll.database.preparing import prepare
from backscroll.database.schema import TableSet

WRITERS: Final = 5
READERS: Final = 5
"""The maximum numbers of connections for writes and for reads, for each process. PostgreSQL's
default limit of 100 connections is enough for 9 replicas."""

STATEMENT_S: Final = 30
MIGRATION_S: Final = 3_600
MAINTENANCE_S: Final = 21_600
"""The time limits for a statement in normal use, in a migration and in `maintain`, in seconds."""

TRY_S: Final = 0.1
"""How long a write waits for a lock, in seconds. Then it returns its connection and tries later."""


SESSION: Final = Session(STATEMENT_S, TRY_S)
"""The settings of sessions in normal use."""

_PREPARING: Final = Session(MIGRATION_S, LOCK_S)
_MAINTAINING: Final = Session(MAINTENANCE_S, LOCK_S)


@asynccontextmanager
async def open_postgres(
    address: Address,
    needed: TableSet,
    lock_s: float = LOCK_S,
    pool_wait_s: float = POOL_WAIT_S,
    outage_s: float | None = None,
) -> AsyncIterator[PostgresDatabase]:
    """Open the database at `address`, and close it on exit.

    Args:
        address: the database's address.
        needed: the set of tables that the caller uses.
        lock_s: the maximum wait of a read or write for locks and earlier writes, in seconds.
        pool_wait_s: the maximum time that a read or write waits for a free connection, in seconds.
        outage_s: how long reads and writes wait for a server that fails, in seconds; by default,
            twice as long as for locks. Opening does not wait.

    Raises:
        StoreError: the database cannot be used. `str()` is one line without the password.
    """
    try:
        pooled = await is_pooled(address, _PREPARING)
    except DatabaseUnavailableError as error:
        raise StoreError(error.reason) from error
    pools = Pools(address, pooled=pooled, wait_s=pool_wait_s)
    preparing = pools.engine(_PREPARING, "READ COMMITTED", 1)
    async with _closing(PostgresDatabase(preparing, preparing)) as first:
        await _prepare(first, address, needed)
    writing = pools.engine(SESSION, "READ COMMITTED", WRITERS)
    reading = pools.engine(SESSION, "AUTOCOMMIT", READERS)
    patience_s = OUTAGE_PER_LOCK * lock_s if outage_s is None else outage_s
    maintaining = None if pooled else pools.engine(_MAINTAINING, "AUTOCOMMIT", 1)
    opened = PostgresDatabase(writing, reading, maintaining, lock_s, patience_s)
    async with _closing(opened) as database:
        yield database


@asynccontextmanager
async def _closing(database: PostgresDatabase) -> AsyncIterator[PostgresDatabase]:
    try:
        yield database
    finally:
        # A server that is cancelled still completes its writes and closes its connections.
        with anyio.CancelScope(shield=True):
            await database.close()


async def _prepare(database: PostgresDatabase, address: Address, needed: TableSet) -> None:
    def work(connection: Connection) -> None:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise StoreError(f"{address.name} has the encoding {encoding}; the store needs UTF8")
        for index in chain.from_iterable(table.indexes for table in tables.sorted_tables):
            # The schema modules set the condition of an index only for SQLite. If they set it for
            # PostgreSQL too, SQLAlchemy would import PostgreSQL's dialect even for a SQLite file.
            where = index.dialect_options["sqlite"]["where"]
            index.dialect_options["postgresql"]["where"] = where
        prepare(connection, address.name, needed)

    try:
        await database.write(work)
    except DatabaseBusyError as error:
        line = f"{address.name} is locked by another program: wait and try again"
        raise StoreError(line) from error
    except DatabaseUnavailableError as error:
        raise StoreError(error.reason) from error
    except DatabaseFailedError as error:
        raise StoreError(why_refused(address, error.cause)) from error
    except DBAPIError as error:
        raise StoreError(why_refused(address, sqlstate(error))) from error
