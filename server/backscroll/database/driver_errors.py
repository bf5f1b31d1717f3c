"""What an error of the database's driver means, for either engine.

Sources: https://sqlite.org/rescode.html, and the error codes in PostgreSQL's appendix A.
"""

import sqlite3
from typing import Final

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from backscroll.database.faults import (
    DatabaseBusyError,
    DatabaseFailedError,
    NothingWrittenError,
    Trouble,
)
from backscroll.database.locks import sqlstate

STATEMENT_ALONE: Final = (IntegrityError, DataError, ProgrammingError)
"""Errors that leave the statement's transaction usable; after others it may be lost."""

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_OF_SQLITE: Final[dict[int, Trouble]] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CANTOPEN: "missing",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}

_UNSETTLED: Final = {
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_DELETE,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CLOSE,
}
"""Errors that a COMMIT may meet after it removed the journal, and so took effect."""

_OF_POSTGRES: Final[tuple[tuple[str, Trouble], ...]] = (
    ("53100", "full"),
    ("25006", "read_only"),
    ("XX001", "damaged"),
    ("XX002", "damaged"),
    ("58P01", "damaged"),  # a table's file is gone
)

_SCHEMA_GONE: Final = ("no such table", "no such column", "malformed database schema")
_READ_BACK_WRONG: Final = "Could not decode to UTF-8"


def is_busy(error: BaseException) -> bool:
    """Return whether SQLite failed because another program holds a lock."""
    return _code(error) & 0xFF in _BUSY


def leaves_commit_open(error: DBAPIError) -> bool:
    """Return whether a COMMIT may have taken effect although SQLite reported this error."""
    return _code(error) in _UNSETTLED


def is_of_file(error: DBAPIError) -> bool:
    """Return whether the database file may be the cause of an error, other than a full disk."""
    elsewhere = isinstance(error, STATEMENT_ALONE) or is_busy(error)
    return not elsewhere and _trouble(error) != "full"


def of_sqlite(error: DBAPIError, where: str) -> NothingWrittenError:
    """Translate an error of SQLite, after its transaction was rolled back.

    Args:
        error: the driver's error.
        where: the database's path.
    """
    if is_busy(error):
        return DatabaseBusyError()
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    return DatabaseFailedError(_trouble(error), name, where)


def of_postgres(error: DBAPIError, where: str = "") -> DatabaseFailedError:
    """Translate an error of PostgreSQL whose transaction was rolled back."""
    code = sqlstate(error)
    found = [trouble for known, trouble in _OF_POSTGRES if code == known]
    return DatabaseFailedError(found[0] if found else "failed", code, where)


def _trouble(error: DBAPIError) -> Trouble:
    code, said = _code(error), str(error.orig)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return "replaced"
    if said.startswith((*_SCHEMA_GONE, _READ_BACK_WRONG)):
        return "damaged"
    return _OF_SQLITE.get(code & 0xFF, "failed")


def _code(error: BaseException) -> int:
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return code if isinstance(code, int) else 0
