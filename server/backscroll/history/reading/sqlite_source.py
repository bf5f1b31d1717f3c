"""SQLite databases of other programs, read without changing or blocking them.

SQLite locks a database while the rows of a statement are read. If the database has no write-ahead
log, the program that writes it cannot commit during that time. So `rows` reads all rows of a
statement at once, and readers ask for one conversation at a time.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeAlias

from backscroll.history.conversation import NotNow, Record, Unreadable
from backscroll.history.reading.fields import as_text
from backscroll.history.reading.sqlite_connections import (
    FAULTS,
    FIRST_BYTES,
    MAX_VALUE,
    Connection,
    connected,
    temporary_folder,
)
from backscroll.history.source_file import SourceFile

BUSY_S: Final = 1.0
"""How long a statement waits for another program's write to end, in seconds."""

TRIES: Final = 5
"""How often a statement is tried if another program writes the file during each attempt."""

_LOCKED: Final = "is locked by the program that writes it: try again, or close that program first"

Row: TypeAlias = tuple[Any, ...]


class DatabaseError(Exception):
    """A database, or one of its rows, cannot be read.

    Attributes:
        reason: as in `Unreadable`.
        locked: whether another program keeps the database locked, so that no row can be read.
    """

    def __init__(self, reason: str, *, locked: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.locked = locked

    def record(self, position: str, before: str = "") -> Unreadable:
        """Return a report that this error keeps a record from being read.

        Args:
            position: as in `Unreadable`.
            before: text that the report puts before `reason`, such as
                `may also be in opencode.db, which ` for a record that is in a file of its own.
        """
        return (NotNow if self.locked else Unreadable)(position, before + self.reason)


class Database:
    """A database that is open for reading.

    Attributes:
        tables: the names of its tables.
    """

    def __init__(self, connect: Callable[[], Connection], tries: int) -> None:
        """Connect, and read the names of the tables.

        Args:
            tries: how often a statement is tried, as in `TRIES`.

        Raises:
            sqlite3.Error: the database cannot be read.
        """
        self._connect = connect
        self._tries = tries
        self._open = connect()
        self._columns: dict[str, frozenset[str]] = {}
        found = self._fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
        self.tables = frozenset(str(name) for (name,) in found)

    def rows(self, statement: str, *bound: object) -> list[Row]:
        """Return all rows of a statement.

        Raises:
            DatabaseError: the rows cannot be read.
        """
        try:
            return self._fetch(statement, *bound)
        except FAULTS as error:
            raise _database_error(error) from None

    def _fetch(self, statement: str, *bound: object) -> list[Row]:
        for _ in range(self._tries):
            try:
                found = self._open.connection.execute(statement, bound).fetchall()
            except FAULTS:
                if not self._open.is_outdated():
                    raise
            else:
                if not self._open.is_outdated():
                    return found
            self._open = self._connect()
        raise sqlite3.OperationalError("it changes all the time")

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns; empty if it does not exist."""
        if table not in self.tables:  # a view is not read, because its rows can be endless
            return frozenset()
        if table not in self._columns:
            found = self.rows("SELECT name FROM pragma_table_info(?)", table)
            self._columns[table] = frozenset(str(name) for (name,) in found)
        return self._columns[table]

    def select(
        self, table: str, columns: Sequence[str], rest: str = "", *bound: object
    ) -> list[Row]:
        """Return columns of a table. If the table lacks a column, its values are None.

        Old versions of a program can lack columns.

        Args:
            table: the name of the table. If it does not exist, the result is empty.
            rest: the SQL after the name of the table, such as `WHERE id = ?`.

        Raises:
            DatabaseError: the rows cannot be read.
        """
        known = self.columns(table)
        if not known:
            return []
        names = ", ".join(f'"{name}"' if name in known else "NULL" for name in columns)
        return self.rows(f'SELECT {names} FROM "{table}" {rest}', *bound)  # noqa: S608 - all are constants

    def grouped(
        self, table: str, owner: str, key: str, order: str = "rowid"
    ) -> dict[object, list[object]]:
        """Return the primary keys of a table's rows, grouped by the column `owner`.

        Args:
            table: the name of the table. If it does not exist, the result is empty.
            owner: the column to group by. In a table of messages, it has the conversation's id.
            key: the column of the primary key.
            order: the column that orders the keys in each group.

        Raises:
            DatabaseError: the rows cannot be read.
        """
        groups: dict[object, list[object]] = {}
        for belongs_to, name in self.select(table, (owner, key), f"ORDER BY {order}"):
            groups.setdefault(belongs_to, []).append(name)
        return groups


@contextmanager
def open_database(
    file: SourceFile, busy_s: float = BUSY_S, tries: int = TRIES
) -> Iterator[Database]:
    """Open a database for reading.

    A database in an archive is copied to a temporary file first. A database on disk is copied only
    if it has a `-wal` or `-journal` file that SQLite cannot read without writing beside it.

    Args:
        busy_s: how long a statement waits for another program's write to end, in seconds.
        tries: how often a statement is tried, as in `TRIES`.

    Raises:
        DatabaseError: the database cannot be read.
        OSError: the file cannot be read.
    """
    with ExitStack() as stack:
        path = file.path
        if path is None:
            path = temporary_folder(stack) / "database"
            with file.open() as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        path.open("rb").close()  # an `OSError` says more than SQLite's error
        path = path.resolve()  # if the path is a link, the `-wal` file is beside its target
        try:
            database = Database(lambda: connected(path, busy_s, stack), tries)
        except FAULTS as error:
            raise _database_error(error) from None
        yield database


def is_database(file: SourceFile) -> bool:
    """Return whether a file is an SQLite database.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open() as stream:
        return stream.read(len(FIRST_BYTES)) == FIRST_BYTES


def read_database(
    file: SourceFile,
    owners: Callable[[Database], Iterable[Row]],
    records: Callable[[Database, Row], Iterable[Record]],
    busy_s: float = BUSY_S,
) -> Iterator[Record]:
    """Yield the records of a database, conversation by conversation.

    Args:
        owners: returns a row for each conversation. The row's first value is the conversation's id.
        records: returns the records of one conversation, given its row.
        busy_s: how long a statement waits for another program's write to end, in seconds.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with open_database(file, busy_s) as database:
            for row in owners(database):
                try:
                    yield from records(database, row)
                except DatabaseError as error:
                    if error.locked:
                        raise
                    yield Unreadable(as_text(row[0]) or "a conversation", error.reason)
    except DatabaseError as error:
        yield error.record("the database")


def _database_error(error: Exception) -> DatabaseError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return DatabaseError(_LOCKED, locked=True)
    if code == sqlite3.SQLITE_TOOBIG:
        return DatabaseError(f"has a value of more than {MAX_VALUE // 1024 // 1024} MiB")
    is_damaged = code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
    if is_damaged or isinstance(error, UnicodeDecodeError):
        return DatabaseError("is damaged: SQLite cannot read it")
    return DatabaseError(f"cannot be read by SQLite: {error}")
