"""Creates pools of SQLite connections, and chooses the journal mode."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool, PoolProxiedConnection, QueuePool

from backscroll.database.compressed_json import load_stored_json
from backscroll.database.faults import DatabaseFailedError
from backscroll.database.json_text import dump_json
from backscroll.database.sqlite_file import DatabaseFile, is_at_path

if TYPE_CHECKING:
    import sqlite3

CACHE_KIB: Final = 2_048
"""The size of each connection's page cache in KiB.

It can be small, because the operating system also caches the file.
"""

_STEPS: Final = 500
"""How many steps SQLite's virtual machine takes between two checks of the time."""


class WritingDialect(SQLiteDialect_pysqlite):
    """A SQLite dialect for connections that write.

    A commit fails if the database's file is no longer at its path. An event listener of the engine
    could check that too, but would slow every statement down.
    """

    supports_statement_cache = True

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Begin a transaction that holds the lock for writing from its start."""
        cast("sqlite3.Connection", dbapi_connection.driver_connection).execute("BEGIN IMMEDIATE")

    def do_commit(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Commit, unless the database's file is no longer at its path.

        Raises:
            DatabaseFailedError: another file or no file is at the path. The error's `trouble` is
                `replaced`.
        """
        if not is_at_path(dbapi_connection.info):
            raise DatabaseFailedError("replaced")
        dbapi_connection.commit()


registry.register("sqlite.backscroll", __name__, WritingDialect.__name__)


def journal_mode(sqlite_version: tuple[int, ...]) -> str:
    """Return a journal mode in which this version of SQLite loses no acknowledged write.

    WAL is only safe if the WAL-reset bug is fixed (https://sqlite.org/wal.html#walresetbug). The
    fix is in 3.51.3, 3.50.7 and 3.44.6. With older versions, the database uses a rollback journal
    that is truncated after each commit. If it were deleted instead, it could reappear after a power
    cut and undo the last commit: with `synchronous=FULL`, SQLite syncs a truncated journal, but not
    the folder of a deleted one (https://sqlite.org/pragma.html#pragma_synchronous, EXTRA).
    """
    fixed = (
        sqlite_version >= (3, 51, 3)
        or (3, 50, 7) <= sqlite_version < (3, 51)
        or (3, 44, 6) <= sqlite_version < (3, 45)
    )
    return "wal" if fixed else "truncate"


def engine_of(
    file: DatabaseFile | None, busy_timeout_s: float, *, begin: bool = False, size: int = 1
) -> Engine:
    """Return a pool of connections to a SQLite database.

    Args:
        file: an existing database file; None for a database in memory.
        busy_timeout_s: the maximum time that a connection waits for a lock, in seconds.
        begin: whether the connections are for transactions that write. Each transaction begins with
            `BEGIN IMMEDIATE`, before its first statement.
        size: the maximum number of connections. If it is 0, their number is not limited, and each
            connection is closed after use.
    """
    uri = {} if file is None else {"mode": "rw", "uri": "true"}
    path = ":memory:" if file is None else file.path.as_uri()
    bounds = {"pool_size": size, "max_overflow": 0} if size else {}
    engine = create_engine(
        URL.create("sqlite+backscroll" if begin else "sqlite", database=path, query=uri),
        poolclass=QueuePool if size else NullPool,
        **bounds,
        connect_args={
            "timeout": busy_timeout_s,
            "isolation_level": None,
            "check_same_thread": False,  # one thread may open a connection, and another close it
        },
        hide_parameters=True,  # errors are logged, and must not contain the text of messages
        json_serializer=dump_json,
        json_deserializer=load_stored_json,
        **({} if begin else {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}),
    )
    pragmas = ("synchronous = FULL", "secure_delete = ON", f"cache_size = -{CACHE_KIB}")
    event.listen(engine, "connect", partial(_set, pragmas))
    if file is not None:
        file.watch(engine)
    return engine


class Interruption:
    """Interrupts the statements of a connection after a time limit.

    SQLite then fails with `SQLITE_INTERRUPT`, and the connection can be used again.
    """

    def __init__(self) -> None:
        self._ends_at = math.inf

    def attach(self, connection: DBAPIConnection, _record: object) -> None:
        """Watch the statements of a new connection, which has no time limit yet."""
        self._ends_at = math.inf
        cast("sqlite3.Connection", connection).set_progress_handler(self._is_due, _STEPS)

    def after(self, seconds: float) -> None:
        """Interrupt statements that still run after this many seconds."""
        self._ends_at = time.monotonic() + seconds

    def _is_due(self) -> bool:
        return time.monotonic() > self._ends_at


class KeptConnection:
    """A connection that one thread keeps between transactions, instead of returning it to the pool.

    Taking a connection from the pool takes longer than an insert.

    Args:
        engine: a pool for transactions, with one connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None

    @contextmanager
    def use(self) -> Iterator[Connection]:
        """Yield the connection. Replace it first if its file is no longer at the database's path.

        If the block raises an error, the connection returns to the pool. The pool rolls back what
        was not committed, and opens another connection if necessary.

        Raises:
            DBAPIError: the file cannot be opened.
            DatabaseFailedError: this version of Backscroll cannot use the file at the path.
        """
        connection = self._connection
        if connection is None or not is_at_path(connection.info):
            self.close()
            connection = self._connection = self._engine.connect()
        try:
            yield connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Return the connection to the pool."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def set_journal_mode(engine: Engine, mode: str) -> None:
    """Set the journal mode of all later connections.

    This changes the database file. So call this only after `preparing.prepare` accepted the file.
    """
    event.listen(engine, "connect", partial(_set, (f"journal_mode = {mode}",)))


def _set(pragmas: Iterable[str], connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
