"""A database in a SQLite file or in memory.

One connection does all writes of this process. So the writes wait in a queue, instead of polling
SQLite's lock. `BEGIN IMMEDIATE` and a busy timeout handle the locks of other processes. Reads run
without a transaction. A page of a list is read with one statement, so all of its rows are from one
snapshot.

If the database is in a file, reads run on the event loop, because that is faster than waking
another thread (see `sqlite_on_loop`). If a read has to wait for a lock, or takes too long there, it
starts again on a thread of `sqlite_threads`. Large reads, and reads of a database in memory, always
run on such a thread.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

import anyio
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from backscroll.database import driver_errors
from backscroll.database.driver_errors import STATEMENT_ERRORS, is_busy, is_interrupted
from backscroll.database.faults import DatabaseBusyError, DatabaseFailedError, StoreError
from backscroll.database.locks import LOCK_S
from backscroll.database.port import Work
from backscroll.database.preparing import prepare
from backscroll.database.schema import TableSet
from backscroll.database.sqlite_engine import engine_of, journal_mode, set_journal_mode
from backscroll.database.sqlite_file import DatabaseFile, first_flaw, try_writing, why_unusable
from backscroll.database.sqlite_on_loop import ON_LOOP_S, LoopConnection
from backscroll.database.sqlite_threads import (
    SqliteThreads,
    StartWorkers,
    Workers,
    serve_read,
    serve_writes,
)
from backscroll.database.sqlite_url import create_file, path_of

READERS: Final = 4
EXAMINED_S: Final = 1.0
"""The time for which `check` searches for damage after an error that suggests damage, in
seconds."""

_OLDEST_SQLITE: Final = (3, 35, 0)  # the first version with RETURNING
T = TypeVar("T")


class SqliteDatabase:
    """An open SQLite database. `Database` documents its methods."""

    def __init__(
        self,
        writing: Workers,
        reading: Workers | None = None,
        on_loop: LoopConnection | None = None,
        apart: Engine | None = None,
        file: DatabaseFile | None = None,
    ) -> None:
        """Use the workers and pools that `open_sqlite` creates.

        Args:
            writing: run writes on one connection, and also reads if `reading` is None.
            reading: run reads on connections that wait for locks of other processes.
            on_loop: runs work on the event loop; None if all work runs on threads.
            apart: opens a new connection for each use; None if the database is in memory.
            file: the file of the database; None if it is in memory.
        """
        self._writing = writing
        self._reading = reading or writing
        self._on_loop = on_loop
        self._apart = apart
        self._file = file
        self._trouble: DatabaseFailedError | None = None

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        """Run `work` without a transaction."""
        with self._translating():
            if self._on_loop is not None and not large:
                try:
                    return self._on_loop.run(work)
                except OperationalError as error:
                    if not is_busy(error) and not is_interrupted(error):
                        raise
            return await self._reading.run(work)

    async def write(self, work: Work[T], turn: str = "") -> T:  # noqa: ARG002 - all writes run one after another
        """Run `work` in a write transaction, which other writes may share.

        When this returns, the write is on disk, in the file at the database's path.
        """
        try:
            value = await self._write(work)
        except DatabaseFailedError as error:
            if error.trouble != "replaced":
                raise
            value = await self._write(work)  # opens the new file
        if self._trouble is not None and self._trouble.trouble == "failed":
            self._trouble = None
        return value

    async def _write(self, work: Work[T]) -> T:
        with self._translating():
            return await self._writing.run(work)

    async def require_writable(self) -> None:
        """Take the lock for writing, and release it.

        If that fails on the event loop, an empty write waits for the lock, or raises the cause.
        """
        if self._on_loop is None or not self._on_loop.can_lock():
            await self.write(lambda _connection: None)

    async def check(self) -> None:
        """Check that a new connection can open, read and write the database.

        The check passes if the database is locked. If an earlier error suggests damage, the check
        searches the database for damage.
        """
        if self._file is None:
            return
        try:
            with self._translating():
                await asyncio.to_thread(self._check, self._file)
        except DatabaseBusyError:
            return

    def _check(self, file: DatabaseFile) -> None:
        writing, reading = engine_of(file, 0, begin=True, size=0), engine_of(file, 0, size=0)
        for engine in (writing, reading):
            event.listen(engine, "connect", file.recognise)
        with writing.connect() as connection:
            try_writing(connection)
            connection.rollback()
        file.require_room()
        earlier = self._trouble
        if earlier is not None:
            with reading.connect() as connection:
                if first_flaw(connection, EXAMINED_S) != "":
                    raise DatabaseFailedError(earlier.trouble, earlier.cause)
            self._trouble = None

    async def truncate_log(self) -> bool:
        """Empty the write-ahead log, as in `Database.truncate_log`.

        If the database uses a rollback journal instead, return True: SQLite truncates the journal
        after each commit.
        """
        with self._translating():
            return await self._reading.run(_emptied)

    async def maintain(self, work: Work[T]) -> T:
        """Run `work` on a connection of its own, and on a thread of its own."""
        apart = self._apart
        if apart is None:
            return await self.read(work, large=True)

        def run() -> T:
            with apart.connect() as connection:
                return work(connection)

        with self._translating():
            return await asyncio.to_thread(run)

    async def close(self) -> None:
        """Wait for running work, then close every connection."""
        for workers in {self._writing, self._reading}:
            await asyncio.to_thread(workers.close)
        if self._on_loop is not None:
            self._on_loop.close()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """Replace the driver's errors with the errors in `faults`.

        An error that suggests damage is kept for `check`, which then searches for damage.
        """
        where = "in memory" if self._file is None else str(self._file.path)
        try:
            yield
        except DatabaseFailedError as error:
            error.where = error.where or where
            self._remember(error)
            raise
        except UnicodeDecodeError:  # the driver could not decode SQLite's message
            failed = DatabaseFailedError("damaged", "text that is not UTF-8", where)
            self._remember(failed)
            raise failed from None
        except STATEMENT_ERRORS:
            raise  # the cause is `work`, not the database
        except DBAPIError as error:
            translated = driver_errors.of_sqlite(error, where)
            if isinstance(translated, DatabaseFailedError):
                self._remember(translated)
            # Hide the driver's error, because its message may quote data.
            raise translated from None

    def _remember(self, error: DatabaseFailedError) -> None:
        if error.trouble in {"damaged", "failed"}:
            self._trouble = DatabaseFailedError(error.trouble, error.cause)


def _emptied(connection: Connection) -> bool:
    busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not busy


@asynccontextmanager
async def open_sqlite(  # noqa: PLR0913 - the last three are for tests
    url: str,
    needed: TableSet,
    lock_s: float = LOCK_S,
    sqlite_version: tuple[int, int, int] = sqlite3.sqlite_version_info,
    on_loop_s: float = ON_LOOP_S,
    *,
    workers: StartWorkers = SqliteThreads,
) -> AsyncIterator[SqliteDatabase]:
    """Open the database at `url`, and close it on exit. A missing database is created.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute/path.db` or `sqlite://` (in
            memory). A new file has mode 0600; a missing folder is created.
        needed: the set of tables that the caller uses.
        lock_s: the maximum time that a read or write waits for locks of other programs, in seconds.
        sqlite_version: the version of SQLite, which determines the journal mode.
        on_loop_s: the maximum time that a read may take on the event loop, in seconds. A read that
            takes longer starts again on a thread.
        workers: starts what runs the work on an engine's connections.

    Raises:
        StoreError: the URL is not supported, or the database cannot be used.
    """
    path = path_of(url)
    if sqlite_version < _OLDEST_SQLITE:
        used = ".".join(map(str, sqlite_version))
        raise StoreError(f"SQLite {used} is too old: version 3.35.0 or newer is required")
    if path is None:
        name = "the database in memory"
        memory = workers(engine_of(None, lock_s, begin=True), serve_writes)
        async with _closing(SqliteDatabase(memory)) as database:
            await _prepare(database, name, lambda connection: prepare(connection, name, needed))
            yield database
        return
    name = str(path)
    file = DatabaseFile(path.absolute(), needed)
    create_file(path)
    writer = workers(engine_of(file, lock_s, begin=True), serve_writes)
    async with _closing(SqliteDatabase(writer, file=file)) as first:
        await _prepare(first, name, lambda connection: prepare(connection, name, needed))
    engines = (
        engine_of(file, lock_s, begin=True),
        engine_of(file, lock_s, size=READERS),
        engine_of(file, 0),
        engine_of(file, lock_s, size=0),
    )
    for engine in engines:
        set_journal_mode(engine, journal_mode(sqlite_version))
        event.listen(engine, "connect", file.recognise)
    writing, reading = workers(engines[0], serve_writes), workers(engines[1], serve_read, READERS)
    on_loop = LoopConnection(engines[2], on_loop_s)
    opened = SqliteDatabase(writing, reading, on_loop, engines[3], file)
    async with _closing(opened) as database:
        await _prepare(database, name, lambda _: None)
        yield database


@asynccontextmanager
async def _closing(database: SqliteDatabase) -> AsyncIterator[SqliteDatabase]:
    try:
        yield database
    finally:
        # A server that is cancelled still completes its writes and closes its connections.
        with anyio.CancelScope(shield=True):
            await database.close()


async def _prepare(database: SqliteDatabase, name: str, step: Work[None]) -> None:
    """Run one step of opening a database. The step runs in a write transaction.

    Raises:
        StoreError: the step failed. The error's text is one line for the operator.
    """
    try:
        await database.write(step)
    except DatabaseBusyError as error:
        line = f"{name} is locked by another program: close that program, or wait and try again"
        raise StoreError(line) from error
    except DatabaseFailedError as error:
        raise StoreError(why_unusable(name, error)) from error
