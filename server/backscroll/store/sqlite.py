"""SQLite: everything that is particular to it.

Pools on one file. The writer is a single connection, so that writes of this process queue in turn
instead of polling SQLite's lock; other processes are met with ``BEGIN IMMEDIATE`` and a busy
timeout. Readers never begin a transaction: every page is one statement and so its own snapshot.

A page is read on the event loop, sooner than another thread would be awake, where no writer holds
the file just then. What would wait, waits on the threads of ``workers``.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from backscroll.paths import sqlite_path
from backscroll.store.database import Work
from backscroll.store.errors import DatabaseBusyError, StoreError
from backscroll.store.preparing import prepare
from backscroll.store.wire import dump_json, load_json
from backscroll.store.workers import Workers, is_busy, serve_read, serve_writes

BUSY_TIMEOUT_S: Final = 10.0
READERS: Final = 4
CACHE_KIB: Final = 2_048
"""What each connection keeps of the file; the operating system keeps as much as it likes."""

_OLDEST_SQLITE: Final = (3, 35, 0)  # the first with RETURNING
_URL_RULE: Final = (
    "BACKSCROLL_DATABASE must be sqlite:///relative.db or sqlite:////absolute/path.db"
)

T = TypeVar("T")


def journal_mode(sqlite_version: tuple[int, ...]) -> str:
    """Return the journal mode in which a SQLite of this version loses no acknowledged write.

    WAL wants the fix of the WAL-reset bug (https://sqlite.org/wal.html#walresetbug): 3.51.3, or
    3.50.7, or 3.44.6. Without it the rollback journal is used, and truncated rather than deleted:
    under ``synchronous=FULL`` SQLite syncs a truncated journal, but not the folder out of which it
    deletes one, so after a power cut a deleted journal can come back and undo the last commit
    (https://sqlite.org/pragma.html#pragma_synchronous, EXTRA).
    """
    fixed = (
        sqlite_version >= (3, 51, 3)
        or (3, 50, 7) <= sqlite_version < (3, 51)
        or (3, 44, 6) <= sqlite_version < (3, 45)
    )
    return "wal" if fixed else "truncate"


class SqliteDatabase:
    """A database of SQLite, open; ``Database`` says what its methods promise."""

    def __init__(
        self, writer: Engine, reader: Engine | None = None, prompt: Engine | None = None
    ) -> None:
        """Take the pools; ``open_sqlite`` makes them.

        Args:
            writer: one connection, which reads too where there is no reader.
            reader: connections that wait for a writer of another process.
            prompt: one connection that does not.
        """
        self._writing = Workers(writer, serve_writes)
        self._reading = (
            self._writing if reader is None else Workers(reader, serve_read, threads=READERS)
        )
        self._prompt = prompt

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` outside any transaction."""
        if self._prompt is not None:
            try:
                with self._prompt.connect() as connection:
                    return work(connection)
            except OperationalError as error:
                if not is_busy(error):
                    raise
        return await self._run(self._reading, work)

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a write transaction, which it may share with others."""
        return await self._run(self._writing, work)

    async def close(self) -> None:
        """Let what is running end, then close every connection."""
        for workers in {self._writing, self._reading}:
            await asyncio.to_thread(workers.close)
        if self._prompt is not None:
            self._prompt.dispose()

    @staticmethod
    async def _run(workers: Workers, work: Work[T]) -> T:
        try:
            return await workers.run(work)
        except OperationalError as error:
            if is_busy(error):
                raise DatabaseBusyError from error
            raise


@asynccontextmanager
async def open_sqlite(url: str) -> AsyncIterator[SqliteDatabase]:
    """Open the database that ``url`` names, created where it is missing, and close it at the end.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute/path.db`` or ``sqlite://`` (in
            memory). A new file has mode 0600; a missing folder is created.

    Raises:
        StoreError: An unsupported URL, or a database that cannot be used.
    """
    path = _path_of(url)
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        line = f"SQLite {sqlite3.sqlite_version} is too old: 3.35.0 or newer is needed"
        raise StoreError(line)
    if path is None:
        name = "the database in memory"
        engines: tuple[Engine, ...] = (_engine(":memory:", BUSY_TIMEOUT_S, begin=True),)
    else:
        name = str(path)
        _create_file(path)
        engines = (
            _engine(name, BUSY_TIMEOUT_S, begin=True),
            _engine(name, BUSY_TIMEOUT_S, size=READERS),
            _engine(name, 0),
        )
    async with _closing(SqliteDatabase(*engines)) as database:
        await _prepare(database, name, prepare)
        if path is not None:
            _keep_journal(engines, journal_mode(sqlite3.sqlite_version_info))
            await _prepare(database, name, lambda _connection, _name: None)
        yield database


@asynccontextmanager
async def _closing(database: SqliteDatabase) -> AsyncIterator[SqliteDatabase]:
    try:
        yield database
    finally:
        await database.close()


def _path_of(url: str) -> Path | None:
    """Return the file that ``url`` names, or None for a database in memory."""
    try:
        return sqlite_path(url)
    except ValueError:
        line = f"{_URL_RULE}; this is a sqlite URL of another form"
        raise StoreError(line) from None


def _create_file(path: Path) -> None:
    """Create an empty database file that only its owner can read, where there is none."""
    if path.is_dir():
        line = f"{path} is a directory: BACKSCROLL_DATABASE names a file"
        raise StoreError(line)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    except PermissionError as error:
        line = f"{path} is read-only, or its folder is: the store needs to write both"
        raise StoreError(line) from error
    except OSError as error:
        line = f"{path} cannot be created: {error.strerror}"
        raise StoreError(line) from error


async def _prepare(
    database: SqliteDatabase, name: str, step: Callable[[Connection, str], None]
) -> None:
    """Take a step in a write transaction, and say in one line why that cannot be."""
    try:
        await database.write(lambda connection: step(connection, name))
    except DatabaseBusyError as error:
        line = f"{name} is locked by another program: close that program, or wait and try again"
        raise StoreError(line) from error
    except DBAPIError as error:
        raise StoreError(_why_unusable(name, str(error.orig))) from error


def _why_unusable(name: str, reason: str) -> str:
    if "not a database" in reason:
        return f"{name} is not a SQLite database: point BACKSCROLL_DATABASE at another file"
    if "readonly" in reason or "unable to open" in reason:
        return f"{name} is read-only, or its folder is: the store needs to write both"
    return f"{name} cannot be used: {reason}"


def _engine(path: str, busy_timeout_s: float, *, begin: bool = False, size: int = 1) -> Engine:
    """Return a pool of at most ``size`` connections, with or without transactions."""
    engine = create_engine(
        URL.create("sqlite", database=path),  # as text, a ? in the path would end it
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        connect_args={
            "timeout": busy_timeout_s,
            "isolation_level": None,
            "check_same_thread": False,  # used by one thread, closed by another
        },
        hide_parameters=True,  # an error is logged, and a message's text must not be
        json_serializer=dump_json,
        json_deserializer=load_json,
        **({} if begin else {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}),
    )
    pragmas = ("synchronous = FULL", "secure_delete = ON", f"cache_size = -{CACHE_KIB}")
    event.listen(engine, "connect", partial(_set, pragmas))
    if begin:
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _keep_journal(engines: Iterable[Engine], mode: str) -> None:
    """Have every connection from here on keep this journal: now that the file is surely ours."""
    for engine in engines:
        event.listen(engine, "connect", partial(_set, (f"journal_mode = {mode}",)))
        engine.dispose()


def _set(pragmas: Iterable[str], connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
