"""Checks that the open SQLite file is still at its path, is writable, and is not damaged.

If the file is deleted or replaced, SQLite still has the old file open, and writes to it are lost.
So each connection remembers the device and inode of the file that it opened. Before each use and
each commit, they are compared with those of the file at the path.
"""

import errno
import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from msgspec import Struct
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Engine,
    event,
    inspect,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from backscroll.database.compressed_json import damage_of
from backscroll.database.driver import FILE, reopen_after
from backscroll.database.driver_errors import is_interrupted
from backscroll.database.faults import DatabaseFailedError, Trouble
from backscroll.database.schema import (
    TABLE_SETS,
    TableSet,
    sets_in,
    version_table,
)
from backscroll.database.schema_version import SCHEMA_VERSION

if TYPE_CHECKING:
    import sqlite3

Identity: TypeAlias = tuple[int, int]
"""The device and inode of a file, which identify it while it exists."""

ROOM: Final = 64 * 1024
"""A database is only considered writable if it can grow by this many bytes."""

_WATCHED: Final = "watched"
_STEPS: Final = 1_000
"""How many steps SQLite's virtual machine takes between two checks of a time limit."""

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DatabaseFile(Struct, frozen=True):
    """The path of a database file, and the tables that it must have.

    Attributes:
        path: the absolute path of the file.
        needed: the set of tables that the file must have.
    """

    path: Path
    needed: TableSet

    @property
    def identity(self) -> Identity | None:
        """The identity of the file at the path, or None if the file is missing or inaccessible."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - twice as fast as `Path.stat`, and called before each read and write
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def watch(self, engine: Engine) -> None:
        """Make a pool reopen a connection if the connection's file is no longer at the path."""

        def open_(_dialect: object, record: ConnectionPoolEntry, *_arguments: object) -> None:
            record.info[_WATCHED], record.info[FILE] = self, self.identity
            self._open_journal_to_writes()

        def begin(_dbapi: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
            if not is_at_path(record.info):
                raise DisconnectionError

        def fail(context: ExceptionContext) -> None:
            error, connection = context.sqlalchemy_exception, context.connection
            if connection is not None and isinstance(error, DBAPIError):
                reopen_after(connection, error)

        event.listen(engine, "do_connect", open_)
        event.listen(engine, "checkout", begin)
        event.listen(engine, "handle_error", fail)

    def _open_journal_to_writes(self) -> None:
        """Make the journal writable if the database is writable.

        SQLite creates a journal with the file mode of the database. So if the database was
        read-only at first and was made writable later, its journal is still read-only.
        """
        journal = self.path.with_name(f"{self.path.name}-journal")
        with suppress(OSError):
            mode = stat.S_IMODE(self.path.stat().st_mode)
            if mode & stat.S_IWUSR and not journal.stat().st_mode & stat.S_IWUSR:
                journal.chmod(mode)

    def recognise(self, connection: DBAPIConnection, _record: object) -> None:
        """Check that an opened file is a Backscroll database with the needed tables.

        This runs for each new connection, because the file may have been replaced.

        Raises:
            DatabaseFailedError: the file is not such a database.
            sqlite3.Error: the file cannot be read.
        """
        cursor = connection.cursor()
        try:
            cursor.execute(f"SELECT version FROM {version_table.name}")  # noqa: S608 - a constant name
            version = cursor.fetchone()
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = {name for (name,) in cursor.fetchall()}
        finally:
            cursor.close()
        # Accept a newer version, because a newer replica may have migrated the database.
        is_older = version is None or version[0] < SCHEMA_VERSION
        if is_older or self.needed not in sets_in(names):
            raise DatabaseFailedError("foreign", where=str(self.path))

    def require_room(self) -> None:
        """Check that the database can grow.

        This writes a sparse temporary file that is `ROOM` bytes larger than the database, in the
        same folder. Writing fails if the disk is full or a quota or file size limit is reached.

        Raises:
            DatabaseFailedError: the database cannot grow.
        """
        try:
            size = self.path.stat().st_size
            with tempfile.TemporaryFile(dir=self.path.parent, buffering=0) as file:
                file.seek(size)
                left = ROOM
                while left:
                    left -= file.write(bytes(left))
        except OSError as error:
            if isinstance(error, PermissionError) or error.errno == errno.EROFS:
                return  # the folder is read-only, but SQLite may need no new file in it
            name = errno.errorcode.get(error.errno or 0, "")
            trouble: Trouble = "full" if error.errno in _NO_ROOM else "failed"
            raise DatabaseFailedError(trouble, name, str(self.path)) from error


def is_at_path(info: Mapping[Any, Any]) -> bool:
    """Return whether the file that a connection opened is still at its path.

    A database in memory has no file. For it, the result is True.

    Args:
        info: the `info` of the connection.
    """
    file = cast("DatabaseFile | None", info.get(_WATCHED))
    if file is None:
        return True
    known = opened_file(info)
    return known is not None and known == file.identity


def opened_file(info: Mapping[Any, Any]) -> Identity | None:
    """Return the identity of the file that a connection opened.

    Args:
        info: the `info` of the connection.

    Returns:
        The identity; None if the database is in memory or on PostgreSQL, or if the connection must
        be reopened after an error.
    """
    return cast("Identity | None", info.get(FILE))


def try_writing(connection: Connection) -> None:
    """Update a row, to test whether that is possible. The caller rolls the transaction back.

    Raises:
        DBAPIError: the database cannot be written.
    """
    connection.execute(update(version_table).values(opened=version_table.c.opened + 1))


def first_flaw(connection: Connection, limit_s: float) -> str | None:
    """Search a database for damage, and return the first flaw.

    First, `PRAGMA quick_check` examines tables and indexes. It does not compare indexes with their
    tables. Then all JSON is parsed. If damage changed a text, but left it valid, this function does
    not find it, because SQLite has no checksums.

    Args:
        connection: a connection to SQLite.
        limit_s: the time limit, in seconds.

    Returns:
        The flaw on one line, without data of the database; an empty string if there is no flaw;
        None if the time limit was exceeded.

    Raises:
        DBAPIError: the database cannot be read.
    """

    def find() -> str:
        if flaw := pragma_flaw(connection, "quick_check(1)"):
            return flaw
        present = sets_in(inspect(connection).get_table_names())
        for table in chain.from_iterable(TABLE_SETS[each] for each in present):
            for column in table.columns:
                if isinstance(column.type, JSON) and _has_malformed(connection, column):
                    return f"malformed JSON in {table.name}.{column.name}"
        return ""

    return found_within(connection, limit_s, find)


def found_within(connection: Connection, limit_s: float, find: Callable[[], str]) -> str | None:
    """Return what `find` returns, or None if its statements exceeded the time limit.

    Args:
        connection: the connection that `find` uses.
        limit_s: the time limit in seconds; infinite for none.
        find: searches for damage.

    Raises:
        DBAPIError: the database cannot be read.
    """
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    ends_at = time.monotonic() + limit_s
    driver.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS)
    try:
        return find()
    except DBAPIError as error:
        if not is_interrupted(error):
            raise
        return None
    finally:
        driver.set_progress_handler(None, 0)


def pragma_flaw(connection: Connection, pragma: str) -> str:
    """Return the first flaw that a PRAGMA finds, on one line; empty if it finds none."""
    found = str(connection.exec_driver_sql(f"PRAGMA {pragma}").scalars().first())
    return "" if found == "ok" else " ".join(found.replace("*** in database main ***", "").split())


def _has_malformed(connection: Connection, column: Column[Any]) -> bool:
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    is_damaged: ColumnElement[bool] = literal_column(damage_of(driver, column.name))
    found = select(literal(1)).select_from(column.table).where(is_damaged).limit(1)
    return connection.execute(found).first() is not None


def why_unusable(name: str, error: DatabaseFailedError) -> str:
    """Return a line that tells the operator why the database in a file cannot be used."""
    if error.cause == "SQLITE_NOTADB":
        return f"{name} is not a SQLite database: point BACKSCROLL_DATABASE at another file"
    if error.trouble == "read_only":
        return f"{name} or its folder is read-only: the store must be able to write both"
    return f"{name} cannot be used: {error.sentence}"
