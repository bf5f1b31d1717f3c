"""SQLite: everything that is particular to it.

Pools on one file. The writer is a single connection, so that writes of this process queue in turn
instead of polling SQLite's lock; other processes are met with `BEGIN IMMEDIATE` and a busy
timeout. Readers never begin a transaction: every page is one statement and so its own snapshot.

A page is read on the event loop, sooner than another thread would be awake, where no writer holds
the file just then. What would wait, waits on those of `sqlite_threads`.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from backscroll.database import driver_errors
from backscroll.database.driver_errors import STATEMENT_ALONE, is_busy
from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    StoreError,
)
from backscroll.database.locks import LOCK_S
from backscroll.database.port import Work
from backscroll.database.preparing import prepare
from backscroll.database.schema import TableSet
from backscroll.database.sqlite_engine import engine_of, journal_mode, keep_journal
from backscroll.database.sqlite_file import DatabaseFile, Identity, first_flaw, try_writing
from backscroll.database.sqlite_threads import SqliteThreads, serve_read, serve_writes
from backscroll.database.sqlite_url import create_file, path_of

READERS: Final = 4
EXAMINED_S: Final = 1.0
"""How many seconds `check` looks for damage, once some was met."""

_OLDEST_SQLITE: Final = (3, 35, 0)  # the first with RETURNING
T = TypeVar("T")


class SqliteDatabase:
    """A database of SQLite, open; `Database` says what its methods promise."""

    def __init__(
        self,
        writer: Engine,
        reader: Engine | None = None,
        prompt: Engine | None = None,
        file: DatabaseFile | None = None,
    ) -> None:
        """Take the pools; `open_sqlite` makes them.

        Args:
            writer: one connection, which reads too where there is no reader.
            reader: connections that wait for a writer of another process.
            prompt: one connection that does not.
            file: where the database is; None for one in memory.
        """
        self._writing = SqliteThreads(writer, serve_writes)
        self._reading = (
            self._writing if reader is None else SqliteThreads(reader, serve_read, threads=READERS)
        )
        self._prompt = prompt
        self._file = file
        self._trouble: DatabaseFailedError | None = None

    async def read(self, work: Work[T]) -> T:
        """Run `work` outside any transaction."""
        with self._told():
            if self._prompt is not None:
                try:
                    with self._prompt.connect() as connection:
                        return work(connection)
                except OperationalError as error:
                    if not is_busy(error):
                        raise
            return await self._reading.run(work)

    async def write(self, work: Work[T], turn: str = "") -> T:  # noqa: ARG002 - one writer, one turn
        """Run `work` in a write transaction, which it may share with others.

        What is returned is in the file at the database's path.
        """
        try:
            value, file = await self._written(work)
        except DatabaseFailedError as error:
            if error.trouble != "replaced":
                raise
            value, file = await self._written(work)  # the file is opened anew
        if self._file is not None and file != self._file.identity:
            raise CommitUnknownError  # it is in another file, which may come back or not
        if self._trouble is not None and self._trouble.trouble == "failed":
            self._trouble = None
        return value

    async def _written(self, work: Work[T]) -> tuple[T, Identity | None]:
        """Return what `work` returned, and which file it was written to."""
        with self._told():
            return await self._writing.run(
                lambda connection: (work(connection), DatabaseFile.of(connection))
            )

    async def check(self) -> None:
        """See that the database can be read and written, opened anew as by a new process.

        Another program's lock is no fault. Once damage was met, it is looked for again.
        """
        if self._file is None:
            return
        try:
            with self._told():
                await asyncio.to_thread(self._check, self._file)
        except DatabaseBusyError:
            return

    def _check(self, file: DatabaseFile) -> None:
        engine = engine_of(file, 0, begin=True, size=0)
        event.listen(engine, "connect", file.recognise)
        with engine.connect() as connection:
            try_writing(connection)
            connection.rollback()
        file.require_room()
        met = self._trouble
        if met is not None:
            with engine.connect() as connection:
                if first_flaw(connection, EXAMINED_S) != "":
                    raise DatabaseFailedError(met.trouble, met.cause)
            self._trouble = None

    async def close(self) -> None:
        """Let what is running end, then close every connection."""
        for workers in {self._writing, self._reading}:
            await asyncio.to_thread(workers.close)
        if self._prompt is not None:
            self._prompt.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what an error means, and remember what only an examination can take back."""
        where = "in memory" if self._file is None else str(self._file.path)
        try:
            yield
        except DatabaseFailedError as error:
            error.where = error.where or where
            self._remember(error)
            raise
        except UnicodeDecodeError:  # not even an error's message could be made of it
            failed = DatabaseFailedError("damaged", "text that is not UTF-8", where)
            self._remember(failed)
            raise failed from None
        except STATEMENT_ALONE:
            raise  # a flaw of the work and not of the database
        except DBAPIError as error:
            told = driver_errors.of_sqlite(error, where)
            if isinstance(told, DatabaseFailedError):
                self._remember(told)
            # Not from the driver's error, whose text may quote what it could not read.
            raise told from None

    def _remember(self, error: DatabaseFailedError) -> None:
        if error.trouble in {"damaged", "failed"}:
            self._trouble = DatabaseFailedError(error.trouble, error.cause)


@asynccontextmanager
async def open_sqlite(
    url: str,
    needed: TableSet,
    lock_s: float = LOCK_S,
    sqlite_version: tuple[int, int, int] = sqlite3.sqlite_version_info,
) -> AsyncIterator[SqliteDatabase]:
    """Open the database that `url` names, created where it is missing, and close it at the end.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute/path.db` or `sqlite://` (in
            memory). A new file has mode 0600; a missing folder is created.
        needed: which tables it must have.
        lock_s: how many seconds a read or a write waits for another program's lock.
        sqlite_version: of the SQLite that is used, which decides how it keeps its journal.

    Raises:
        StoreError: an unsupported URL, or a database that cannot be used.
    """
    path = path_of(url)
    if sqlite_version < _OLDEST_SQLITE:
        used = ".".join(map(str, sqlite_version))
        raise StoreError(f"SQLite {used} is too old: 3.35.0 or newer is needed")
    if path is None:
        name = "the database in memory"
        memory = engine_of(None, lock_s, begin=True)
        async with _closing(SqliteDatabase(memory)) as database:
            await _prepare(database, name, lambda connection: prepare(connection, name, needed))
            yield database
        return
    name = str(path)
    file = DatabaseFile(path.absolute(), needed)
    create_file(path)
    engines = (
        engine_of(file, lock_s, begin=True),
        engine_of(file, lock_s, size=READERS),
        engine_of(file, 0),
    )
    async with _closing(SqliteDatabase(*engines, file)) as database:
        await _prepare(database, name, lambda connection: prepare(connection, name, needed))
        keep_journal(engines, journal_mode(sqlite_version))
        for engine in engines:
            event.listen(engine, "connect", file.recognise)
        await _prepare(database, name, lambda _: None)
        yield database


@asynccontextmanager
async def _closing(database: SqliteDatabase) -> AsyncIterator[SqliteDatabase]:
    try:
        yield database
    finally:
        await database.close()


async def _prepare(database: SqliteDatabase, name: str, step: Work[None]) -> None:
    """Take a step in a write transaction, and say in one line why that cannot be."""
    try:
        await database.write(step)
    except DatabaseBusyError as error:
        line = f"{name} is locked by another program: close that program, or wait and try again"
        raise StoreError(line) from error
    except DatabaseFailedError as error:
        raise StoreError(_why_unusable(name, error)) from error


def _why_unusable(name: str, error: DatabaseFailedError) -> str:
    if error.cause == "SQLITE_NOTADB":
        return f"{name} is not a SQLite database: point BACKSCROLL_DATABASE at another file"
    if error.trouble in {"read_only", "missing"}:
        return f"{name} is read-only, or its folder is: the store needs to write both"
    return f"{name} cannot be used: {error.sentence}"
