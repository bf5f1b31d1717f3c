"""The file of a SQLite database: whether it is still the one that is open, writable and whole.

SQLite keeps what it has opened: a file that was deleted or replaced goes on taking writes that
nobody will find. So each connection knows which file it is on, and is looked at before its work
begins and before it commits.
"""

import errno
import os
import sqlite3
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    Text,
    event,
    func,
    inspect,
    literal,
    select,
    type_coerce,
    update,
)
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from backscroll.database.driver_errors import is_of_file
from backscroll.database.faults import DatabaseFailedError, Trouble
from backscroll.database.schema import (
    SCHEMA_VERSION,
    TABLE_SETS,
    TableSet,
    sets_in,
    version_table,
)

Identity: TypeAlias = tuple[int, int]
"""Device and inode, by which a file is known while it exists."""

ROOM: Final = 64 * 1024
"""How many bytes a database must be able to grow by, to be one that can be written."""

_FILE: Final = "file"
_STEPS: Final = 10_000
"""After how many steps of SQLite's virtual machine the time is looked at."""

_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """Where a database is.

    Attributes:
        path: absolute.
        needed: which tables it must have.
    """

    path: Path
    needed: TableSet

    @property
    def identity(self) -> Identity | None:
        """Which file is at the path now; None if there is none, or it cannot be looked at."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - half the time, before each read and write
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def watch(self, engine: Engine) -> None:
        """Have each connection of a pool work on the file at the path, or else be opened anew."""

        def open_(_dialect: object, record: ConnectionPoolEntry, *_arguments: object) -> None:
            record.info[_FILE] = self.identity
            self._open_journal_to_writes()

        def begin(_dbapi: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
            known: Identity | None = record.info[_FILE]
            if known is None or known != self.identity:
                raise DisconnectionError

        def fail(context: ExceptionContext) -> None:
            error, connection = context.sqlalchemy_exception, context.connection
            if connection is not None and isinstance(error, DBAPIError) and is_of_file(error):
                connection.info[_FILE] = None  # it may keep pages of what was there

        event.listen(engine, "do_connect", open_)
        event.listen(engine, "checkout", begin)
        event.listen(engine, "commit", self.require)
        event.listen(engine, "handle_error", fail)

    def _open_journal_to_writes(self) -> None:
        """Give the journal the database's mode, if only the database may be written.

        SQLite gives an empty journal the mode that the database has just then, and so leaves a
        read-only one behind if the database was read-only for a while.
        """
        journal = self.path.with_name(f"{self.path.name}-journal")
        with suppress(OSError):
            mode = stat.S_IMODE(self.path.stat().st_mode)
            if mode & stat.S_IWUSR and not journal.stat().st_mode & stat.S_IWUSR:
                journal.chmod(mode)

    def require(self, connection: Connection) -> None:
        """See that a connection is on the file at the path.

        Raises:
            DatabaseFailedError: it is not.
        """
        if self.of(connection) != self.identity:
            raise DatabaseFailedError("replaced", where=str(self.path))

    @staticmethod
    def of(connection: Connection) -> Identity | None:
        """Return which file a connection is on."""
        return cast("Identity | None", connection.info.get(_FILE))

    def recognise(self, connection: DBAPIConnection, _record: object) -> None:
        """See that what was opened is such a database of Backscroll: it may have been replaced.

        Raises:
            DatabaseFailedError: it is not.
            sqlite3.Error: It cannot be read.
        """
        cursor = connection.cursor()
        try:
            cursor.execute(f"SELECT version FROM {version_table.name}")  # noqa: S608 - ours
            version = cursor.fetchone()
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = {name for (name,) in cursor.fetchall()}
        finally:
            cursor.close()
        # One that is newer was brought up to date by another replica, which is about to take over.
        is_older = version is None or version[0] < SCHEMA_VERSION
        if is_older or self.needed not in sets_in(names):
            raise DatabaseFailedError("foreign", where=str(self.path))

    def require_room(self) -> None:
        """See that the database could grow.

        A file of no name, as long as the database and with nothing in it but its end, is written
        beside it: that meets a full disk, a quota and a limit of the process alike.

        Raises:
            DatabaseFailedError: it could not.
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
                return  # SQLite may need no new file there: it says so itself if it does
            name = errno.errorcode.get(error.errno or 0, "")
            trouble: Trouble = "full" if error.errno in _NO_ROOM else "failed"
            raise DatabaseFailedError(trouble, name, str(self.path)) from error


def try_writing(connection: Connection) -> None:
    """Write as a transaction would, and leave the rest to the caller, who rolls it back.

    Raises:
        DBAPIError: the database cannot be written.
    """
    connection.execute(update(version_table).values(opened=version_table.c.opened + 1))


def first_flaw(connection: Connection, limit_s: float) -> str | None:
    """Return the first flaw of a database's structure, empty if there is none.

    Tables and indexes are walked, not compared with each other (`PRAGMA quick_check`), and JSON is
    parsed. Text that was changed and is still text is not noticed: SQLite keeps no checksums.

    Args:
        connection: of SQLite.
        limit_s: how many seconds it may take.

    Returns:
        One line in SQLite's words, without data; None if the time was not enough.

    Raises:
        DBAPIError: the database cannot be read.
    """
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    ends_at = time.monotonic() + limit_s
    driver.set_progress_handler(lambda: time.monotonic() > ends_at, _STEPS)
    try:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if found != "ok":
            return " ".join(str(found).replace("*** in database main ***", "").split())
        there = sets_in(inspect(connection).get_table_names())
        for table in chain.from_iterable(TABLE_SETS[each] for each in there):
            for column in table.columns:
                if isinstance(column.type, JSON) and _holds_malformed(connection, column):
                    return f"malformed JSON in {table.name}.{column.name}"
    except DBAPIError as error:
        if getattr(error.orig, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        driver.set_progress_handler(None, 0)
    return ""


def _holds_malformed(connection: Connection, column: Column[Any]) -> bool:
    text = type_coerce(column, Text)
    malformed = text.is_not(None) & (func.json_valid(text) == 0)
    return connection.execute(select(literal(1)).where(malformed).limit(1)).first() is not None
