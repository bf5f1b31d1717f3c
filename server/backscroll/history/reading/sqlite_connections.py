"""Connections to SQLite databases that another program may be writing."""

import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from msgspec import Struct

FIRST_BYTES: Final = b"SQLite format 3\0"
"""The start of every database (section 1.3 of SQLite's "Database File Format")."""

MAX_VALUE: Final = 64 * 1024 * 1024
"""The maximum size of a value or row, in bytes."""

_COMPANIONS: Final = ("-wal", "-journal")
"""SQLite appends these to a database's name to name the files that have its latest changes."""

FAULTS: Final = (sqlite3.Error, UnicodeDecodeError)
"""The errors that `sqlite3` raises.

It raises `UnicodeDecodeError` if an error message of SQLite quotes a damaged schema.
"""


class _State(NamedTuple):
    """Facts that change if a program opens or writes a database with a write-ahead log."""

    modified_ns: int
    size: int
    has_log: bool


class Connection(Struct, frozen=True):
    """A connection to a database.

    Attributes:
        path: the file if the connection assumes that no program writes it; otherwise None.
        state: what `_state` returned before the connection was opened.
    """

    connection: sqlite3.Connection
    path: Path | None = None
    state: _State | None = None

    def is_outdated(self) -> bool:
        """Return whether a program wrote the file although the connection assumes the opposite."""
        return self.path is not None and _state(self.path) != self.state


def connected(path: Path, busy_s: float, stack: ExitStack) -> Connection:
    """Connect to a database.

    Args:
        path: the file, which is not a link.
        busy_s: how long a statement waits for another program's write to end, in seconds.
        stack: closes the connection, and deletes temporary files.

    Raises:
        sqlite3.Error: the database cannot be read.
        OSError: the file cannot be read.
    """
    state = _state(path)
    if _is_write_ahead(path) and not state.has_log:
        # No program has the database open. Without `immutable`, SQLite would leave new files
        # beside it.
        return Connection(_connection(path, "ro&immutable=1", busy_s, stack), path, state)
    try:
        return Connection(_connection(path, "ro", busy_s, stack))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
            raise
    return Connection(_connection(_copy(path, temporary_folder(stack)), "rw", busy_s, stack))


def _connection(path: Path, mode: str, busy_s: float, stack: ExitStack) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, timeout=busy_s, isolation_level=None, uri=True)
    stack.enter_context(closing(connection))
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
    connection.text_factory = _text
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA trusted_schema = 0")
    connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    return connection


def _state(path: Path) -> _State:
    info = path.stat()
    return _State(info.st_mtime_ns, info.st_size, _companion(path, "-wal").exists())


def _text(value: bytes) -> str:
    return value.decode(errors="replace")


def _is_write_ahead(path: Path) -> bool:
    """Return whether a database uses a write-ahead log.

    The byte at offset 19 says so (section 1.3 of SQLite's "Database File Format").
    """
    with path.open("rb") as stream:
        return stream.read(20)[19:] == b"\x02"


def _companion(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def temporary_folder(stack: ExitStack) -> Path:
    """Return a new folder that only this user can read. The stack deletes it."""
    return Path(stack.enter_context(TemporaryDirectory(prefix="backscroll-")))


def _copy(path: Path, folder: Path) -> Path:
    """Copy a database with the files that have its latest changes."""
    copy = folder / "database"
    shutil.copyfile(path, copy)
    for end in _COMPANIONS:
        if _companion(path, end).exists():
            shutil.copyfile(_companion(path, end), _companion(copy, end))
    return copy
