"""Translates errors of the SQLite and PostgreSQL drivers into the errors in `faults`.

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

STATEMENT_ERRORS: Final = (IntegrityError, DataError, ProgrammingError)
"""Errors that affect only one statement. After any other error, the transaction may be lost."""

_BUSY: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_OF_SQLITE: Final[dict[int, Trouble]] = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CANTOPEN: "missing",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}

_COMMIT_UNKNOWN: Final = {
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_DELETE,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CLOSE,
}
"""If a COMMIT fails with one of these error codes, it may still have taken effect: the journal that
SQLite needs to undo the COMMIT may be gone."""

_OF_POSTGRES: Final[tuple[tuple[str, Trouble], ...]] = (
    ("53100", "full"),
    ("25006", "standby"),
    ("XX001", "damaged"),
    ("XX002", "damaged"),
    ("58P01", "damaged"),  # a table's file is missing
)

_DAMAGED_MESSAGES: Final = (
    "no such table",
    "no such column",
    "malformed database schema",
    "Could not decode to UTF-8",
)
"""The beginnings of SQLite's error messages about a damaged database. The error codes of these
errors do not show the damage."""


def is_busy(error: BaseException) -> bool:
    """Return whether SQLite failed because of another program's lock."""
    return _code(error) & 0xFF in _BUSY


def is_interrupted(error: BaseException) -> bool:
    """Return whether a statement of SQLite was interrupted because it took too long."""
    return _code(error) == sqlite3.SQLITE_INTERRUPT


def may_have_committed(error: DBAPIError) -> bool:
    """Return whether a COMMIT that failed with this error may still have taken effect."""
    return _code(error) in _COMMIT_UNKNOWN


def is_of_file(error: DBAPIError) -> bool:
    """Return whether the database file itself may be the cause of an error.

    The file is not the cause if the disk is full, another program has a lock, or the statement was
    interrupted or is wrong.
    """
    has_other_cause = isinstance(error, STATEMENT_ERRORS) or is_busy(error) or is_interrupted(error)
    return not has_other_cause and _trouble(error) != "full"


def of_sqlite(error: DBAPIError, where: str) -> NothingWrittenError:
    """Translate an error of SQLite. The caller has rolled back the transaction.

    Args:
        error: the driver's error.
        where: the database's path, for the operator.
    """
    if is_busy(error):
        return DatabaseBusyError()
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    return DatabaseFailedError(_trouble(error), name, where)


def of_postgres(error: DBAPIError, where: str = "") -> DatabaseFailedError:
    """Translate an error of PostgreSQL. The caller has rolled back the transaction."""
    code = sqlstate(error)
    found = [trouble for known, trouble in _OF_POSTGRES if code == known]
    return DatabaseFailedError(found[0] if found else "failed", code, where)


def _trouble(error: DBAPIError) -> Trouble:
    code, message = _code(error), str(error.orig)
    if code == sqlite3.SQLITE_READONLY_DBMOVED:
        return "replaced"
    if message.startswith(_DAMAGED_MESSAGES):
        return "damaged"
    return _OF_SQLITE.get(code & 0xFF, "failed")


def _code(error: BaseException) -> int:
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
    return code if isinstance(code, int) else 0
