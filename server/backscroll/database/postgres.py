"""A database on a PostgreSQL server.

Reads and writes use separate, bounded pools of asyncpg connections, so that reads never wait for
writes. Writes with the same `turn`, such as writes to one thread, run one after another; a write
takes a connection only after all earlier writes with its `turn` have ended. If a write waits for a
lock for longer than `TRY_S`, it returns its connection to the pool and tries again later. So a lock
delays only the writes that need it. If the server fails, work waits for it, or for a standby that
takes over (see `postgres_outage`).

Each statement of a read sees what was committed before it began. A page of a list is read with one
statement, so all of its rows are from one snapshot. Writes run at READ COMMITTED and lock the rows
that they change. Each wait has a time limit: for earlier writes, for a connection, for a lock, for
the end of a statement, and for the server's response.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from backscroll.database.faults import (
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    StoreError,
)
from backscroll.database.locks import LOCK_S, sqlstate
from backscroll.database.port import Work
from backscroll.database.postgres_engine import connection_from
from backscroll.database.postgres_failures import STANDBY
from backscroll.database.postgres_outage import Outage
from backscroll.database.postgres_retry import commit, retry

REMEMBERED_S: Final = 10.0
"""If a read or write finds that the database failed, `check` also fails for this long, in seconds,
or until a write succeeds."""

_POOLED: Final = (
    "the database is behind a pooler, and maintenance needs a session of its own: for this "
    "command, set BACKSCROLL_DATABASE to the address of the PostgreSQL server itself"
)

T = TypeVar("T")


class PostgresDatabase:
    """An open PostgreSQL database. `Database` documents its methods."""

    def __init__(
        self,
        writing: AsyncEngine,
        reading: AsyncEngine,
        maintaining: AsyncEngine | None = None,
        lock_s: float = LOCK_S,
        outage_s: float = 0,
    ) -> None:
        """Use the pools that `open_postgres` creates.

        Args:
            writing: a pool of connections for transactions.
            reading: a pool of connections for single statements.
            maintaining: a pool of one connection, for statements that take long; None behind a
                pooler that gives a session to several clients.
            lock_s: the maximum wait for locks and earlier writes, in seconds.
            outage_s: how long work waits for a server that fails, in seconds.
        """
        self._writing = writing
        self._reading = reading
        self._maintaining = maintaining
        self._lock_s = lock_s
        # Reads can succeed while writes fail, so each has an outage of its own.
        self._write_outage = Outage(outage_s)
        self._read_outage = Outage(outage_s)
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._trouble: tuple[float, DatabaseFailedError] | None = None
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(self, work: Work[T], *, large: bool = False) -> T:  # noqa: ARG002 - asyncpg never blocks the loop
        """Run `work`. Each of its statements sees what was committed before it began."""
        return await self._read(work, self._read_outage)

    async def _read(self, work: Work[T], outage: Outage) -> T:
        async def run() -> T:
            connection = await self._opened()
            try:
                return await connection.run_sync(work)
            finally:
                await asyncio.shield(self._started(connection.close()))

        return await self._run_and_remember(run, self._lock_ends_at(), outage)

    async def write(self, work: Work[T], turn: str = "") -> T:
        """Run `work` in a transaction.

        If the caller is cancelled while it waits for earlier writes, `work` does not run. If the
        caller is cancelled later, the transaction is still completed.
        """
        # Without a turn, the write gets a new lock, so that it waits for no other write.
        lock = self._turns.setdefault(turn, asyncio.Lock()) if turn else asyncio.Lock()
        ends_at = await self._acquired(lock)

        async def run() -> T:
            async with aclosing(await connection_from(self._writing)) as connection:
                try:
                    value = await connection.run_sync(work)
                    await commit(connection)
                except DBAPIError as error:
                    if sqlstate(error) == STANDBY:
                        await connection.invalidate()  # the next attempt connects again
                    raise
                return value

        writing = self._started(self._run_and_remember(run, ends_at, self._write_outage))
        writing.add_done_callback(partial(self._forget, lock))
        value = await asyncio.shield(writing)
        self._trouble = None
        return value

    async def require_writable(self) -> None:
        """Check it with an empty transaction."""
        await self.write(lambda _connection: None)

    async def check(self) -> None:
        """Check that the server responds and allows writes, and that no recent operation failed."""
        until, trouble = self._trouble or (0.0, None)
        if trouble is not None and time.monotonic() < until:
            raise DatabaseFailedError(trouble.trouble, trouble.cause)
        if await self._read(_is_read_only, Outage(0)):
            raise DatabaseFailedError("standby", STANDBY)

    async def _acquired(self, lock: asyncio.Lock) -> float:
        """Acquire the lock of a turn. Return until when the write may then wait for locks.

        Raises:
            DatabaseBusyError: earlier writes took too long.
            DatabaseUnavailableError: they wait for the server.
        """
        ends_at = self._lock_ends_at()
        while True:
            try:
                async with asyncio.timeout_at(ends_at):
                    await lock.acquire()
            except TimeoutError as error:
                # An earlier write may be waiting for the server.
                left_s = self._write_outage.left_s()
                if left_s:
                    ends_at = self._lock_ends_at() + left_s
                elif self._write_outage.is_on:
                    raise DatabaseUnavailableError("earlier writes wait for it") from error
                else:
                    raise DatabaseBusyError from error
            else:
                return ends_at

    async def _run_and_remember(
        self, run: Callable[[], Awaitable[T]], lock_ends_at: float, outage: Outage
    ) -> T:
        try:
            return await retry(run, lock_ends_at, outage)
        except DatabaseFailedError as error:
            self._trouble = (time.monotonic() + REMEMBERED_S, DatabaseFailedError(*error.args))
            raise

    async def maintain(self, work: Work[T]) -> T:
        """Run `work` without a transaction. A statement may take hours.

        Raises:
            StoreError: a pooler is between this process and the server.
        """
        engine = self._maintaining
        if engine is None:
            raise StoreError(_POOLED)

        async def run() -> T:
            async with aclosing(await connection_from(engine)) as connection:
                return await connection.run_sync(work)

        running = self._started(self._run_and_remember(run, self._lock_ends_at(), Outage(0)))
        return await asyncio.shield(running)

    async def truncate_log(self) -> bool:
        """Return False, because the log belongs to the server's operator."""
        return False

    async def close(self) -> None:
        """Wait for running writes and for connections that are being opened, then close all."""
        while self._unfinished:
            await asyncio.gather(*self._unfinished, return_exceptions=True)
        for engine in filter(None, (self._writing, self._reading, self._maintaining)):
            await engine.dispose()

    async def _opened(self) -> AsyncConnection:
        """Return a connection for reading. The caller must close it.

        If the caller is cancelled, the connection is still opened, and then returned to the pool:
        SQLAlchemy would leave a connection open that is cancelled while it is prepared.
        """
        opening = self._started(connection_from(self._reading))
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


async def _close(opening: "asyncio.Task[AsyncConnection]") -> None:
    """Close a connection that is still being opened, once it is open."""
    (connection,) = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(connection, AsyncConnection):
        await connection.close()


def _is_read_only(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on")
