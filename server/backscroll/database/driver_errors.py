"""What an error of the database's driver says is wrong, for either engine.

SQLite: https://sqlite.org/rescode.html. PostgreSQL: the appendix on error codes.
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
"""Errors of a statement after which its transaction stands; after others it may be gone."""

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
"""What may befall a COMMIT after the journal, whose end is the commit, has gone."""

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
    """Return whether another program's lock is what kept SQLite from doing its work."""
    return _code(error) & 0xFF in _BUSY


def leaves_commit_open(error: DBAPIError) -> bool:
    """Return whether a COMMIT that SQLite failed with this may stand all the same."""
    return _code(error) in _UNSETTLED


def is_of_file(error: DBAPIError) -> bool:
    """Return whether what SQLite met may lie in the file, other than that its disk is full."""
    elsewhere = isinstance(error, STATEMENT_ALONE) or is_busy(error)
    return not elsewhere and _trouble(error) != "full"


def of_sqlite(error: DBAPIError, where: str) -> NothingWrittenError:
    """Return what an error of SQLite means, whose transaction has been rolled back.

    Args:
        error: what the driver raised.
        where: the database's path.
    """
    if is_busy(error):
        return DatabaseBusyError()
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    return DatabaseFailedError(_trouble(error), name, where)


def of_postgres(error: DBAPIError, where: str = "") -> DatabaseFailedError:
    """Return what an error of PostgreSQL means, whose transaction has been rolled back."""
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
