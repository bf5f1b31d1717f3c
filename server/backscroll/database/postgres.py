"""A database on a PostgreSQL server.

Reads and writes use separate, bounded pools of asyncpg connections, so that reads never wait for
writes. Writes with the same `turn`, such as writes to one thread, run one after another; a write
takes a connection only after all earlier writes with its `turn` have ended. If a write waits for a
lock for longer than `TRY_S`, it returns its connection to the pool and tries again later. So a lock
delays only the writes that need it.

Each statement of a read runs in its own transaction. A page of a list is read with one statement,
so all of its rows are from one snapshot. Writes run at READ COMMITTED and lock the rows that they
change. Each wait has a time limit: for earlier writes, for a connection, for a lock, for the end of
a statement, and for the server's response.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import Any, Final, Literal, TypeVar
from weakref import WeakValueDictionary

import anyio
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from backscroll.database.column_types import tables
from backscroll.database.faults import (
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    StoreError,
)
from backscroll.database.json_text import dump_json, load_json
from backscroll.database.locks import LOCK_S, sqlstate
from backscroll.database.port import Work
from backscroll.database.postgres_address import Address, connect, why_refused
from backscroll.database.postgres_pooling import connect_checked
from backscroll.database.postgres_retry import commit, retry
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

POOL_WAIT_S: Final = 10.0

REMEMBERED_S: Final = 10.0
"""If a read or write finds that the database failed, `check` also fails for this long, in seconds,
or until a write succeeds."""

TRY_S: Final = 0.1
"""How long a write waits for a lock, in seconds. Then it returns its connection and tries later."""


T = TypeVar("T")


class PostgresDatabase:
    """An open PostgreSQL database. `Database` documents its methods."""

    def __init__(
        self,
        writing: AsyncEngine,
        reading: AsyncEngine,
        maintaining: AsyncEngine,
        lock_s: float = LOCK_S,
    ) -> None:
        """Use the pools that `open_postgres` creates.

        Args:
            writing: a pool of connections for transactions.
            reading: a pool of connections for single statements.
            maintaining: a pool of one connection, for statements that take long.
            lock_s: the maximum wait for locks and earlier writes, in seconds.
        """
        self._writing = writing
        self._reading = reading
        self._maintaining = maintaining
        self._lock_s = lock_s
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._trouble: tuple[float, DatabaseFailedError] | None = None
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(self, work: Work[T], *, large: bool = False) -> T:  # noqa: ARG002 - asyncpg never blocks the loop
        """Run `work`. Each of its statements runs in a separate transaction."""

        async def run() -> T:
            connection = await self._opened()
            try:
                return await connection.run_sync(work)
            finally:
                await asyncio.shield(self._started(connection.close()))

        return await self._run_and_remember(run, self._lock_ends_at())

    async def write(self, work: Work[T], turn: str = "") -> T:
        """Run `work` in a transaction.

        If the caller is cancelled while it waits for earlier writes, `work` does not run. If the
        caller is cancelled later, the transaction is still completed.
        """
        ends_at = self._lock_ends_at()
        # Without a turn, the write gets a new lock, so that it waits for no other write.
        lock = self._turns.setdefault(turn, asyncio.Lock()) if turn else asyncio.Lock()
        try:
            async with asyncio.timeout_at(ends_at):
                await lock.acquire()
        except TimeoutError as error:
            raise DatabaseBusyError from error

        async def run() -> T:
            async with self._writing.connect() as connection:
                value = await connection.run_sync(work)
                await commit(connection)
                return value

        writing = self._started(self._run_and_remember(run, ends_at))
        writing.add_done_callback(partial(self._forget, lock))
        value = await asyncio.shield(writing)
        self._trouble = None
        return value

    async def check(self) -> None:
        """Check that the server responds and allows writes, and that no recent operation failed."""
        until, trouble = self._trouble or (0.0, None)
        if trouble is not None and time.monotonic() < until:
            raise DatabaseFailedError(trouble.trouble, trouble.cause)
        if await self.read(_is_read_only):
            raise DatabaseFailedError("standby", "25006")

    async def _run_and_remember(self, run: Callable[[], Awaitable[T]], lock_ends_at: float) -> T:
        try:
            return await retry(run, lock_ends_at)
        except DatabaseFailedError as error:
            self._trouble = (time.monotonic() + REMEMBERED_S, DatabaseFailedError(*error.args))
            raise

    async def maintain(self, work: Work[T]) -> T:
        """Run `work` without a transaction. A statement may take `MAINTENANCE_S`."""

        async def run() -> T:
            async with self._maintaining.connect() as connection:
                return await connection.run_sync(work)

        running = self._started(self._run_and_remember(run, self._lock_ends_at()))
        return await asyncio.shield(running)

    async def truncate_log(self) -> bool:
        """Return False, because the log belongs to the server's operator."""
        return False

    async def close(self) -> None:
        """Wait for running writes and for connections that are being opened, then close all."""
        while self._unfinished:
            await asyncio.gather(*self._unfinished, return_exceptions=True)
        for engine in (self._writing, self._reading, self._maintaining):
            await engine.dispose()

    async def _opened(self) -> AsyncConnection:
        """Return a connection for reading. The caller must close it.

        If the caller is cancelled, the connection is still opened, and then returned to the pool:
        SQLAlchemy would leave a connection open that is cancelled while it is prepared.
        """
        opening = self._started(_open(self._reading))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            _ = self._started(_close(opening))
            raise

    def _started(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Start a task that `close` waits for."""
        task = asyncio.create_task(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return task

    def _lock_ends_at(self) -> float:
        return asyncio.get_running_loop().time() + self._lock_s

    def _forget(self, lock: asyncio.Lock, writing: asyncio.Task[Any]) -> None:
        lock.release()
        if not writing.cancelled():
            writing.exception()  # otherwise asyncio logs the error if the caller was cancelled


async def _open(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _close(opening: "asyncio.Task[AsyncConnection]") -> None:
    """Close a connection that is still being opened, once it is open."""
    (connection,) = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(connection, AsyncConnection):
        await connection.close()


@asynccontextmanager
async def open_postgres(
    address: Address,
    needed: TableSet,
    lock_s: float = LOCK_S,
    pool_wait_s: float = POOL_WAIT_S,
) -> AsyncIterator[PostgresDatabase]:
    """Open the database at `address`, and close it on exit.

    Args:
        address: the database's address.
        needed: the set of tables that the caller uses.
        lock_s: the maximum wait of a read or write for locks and earlier writes, in seconds.
        pool_wait_s: the maximum time that a read or write waits for a free connection, in seconds.

    Raises:
        StoreError: the database cannot be used. `str()` is one line without the password.
    """
    migrating = _engine(
        address,
        "READ COMMITTED",
        1,
        pool_wait_s,
        creator=partial(connect_checked, address, MIGRATION_S, LOCK_S),
    )
    async with _closing(PostgresDatabase(migrating, migrating, migrating)) as first:
        await _prepare(first, address, needed)
    writing = _engine(address, "READ COMMITTED", WRITERS, pool_wait_s)
    reading = _engine(address, "AUTOCOMMIT", READERS, pool_wait_s)
    slowly = partial(connect, address, MAINTENANCE_S, LOCK_S)
    maintaining = _engine(address, "AUTOCOMMIT", 1, pool_wait_s, creator=slowly)
    async with _closing(PostgresDatabase(writing, reading, maintaining, lock_s)) as database:
        yield database


@asynccontextmanager
async def _closing(database: PostgresDatabase) -> AsyncIterator[PostgresDatabase]:
    try:
        yield database
    finally:
        # A server that is cancelled still completes its writes and closes its connections.
        with anyio.CancelScope(shield=True):
            await database.close()


def _engine(
    address: Address,
    isolation: Literal["READ COMMITTED", "AUTOCOMMIT"],
    size: int,
    pool_wait_s: float,
    creator: Callable[[], Awaitable[Any]] | None = None,
) -> AsyncEngine:
    return create_async_engine(
        "postgresql+asyncpg://",  # without the address, so that SQLAlchemy sees no password
        async_creator=creator or partial(connect, address, STATEMENT_S, TRY_S),
        isolation_level=isolation,
        pool_size=size,
        max_overflow=0,
        pool_timeout=pool_wait_s,
        hide_parameters=True,  # logged errors must not contain message text
        json_serializer=dump_json,
        json_deserializer=load_json,
    )


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


def _is_read_only(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on")
