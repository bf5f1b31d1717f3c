"""What a failure of work on PostgreSQL means: whether to try again, and what to report otherwise.

Source: the error codes in PostgreSQL's appendix A.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct
from sqlalchemy.exc import DBAPIError, NotSupportedError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from backscroll.database.driver_errors import of_postgres
from backscroll.database.faults import (
    DatabaseBusyError,
    DatabaseUnavailableError,
    NothingWrittenError,
)
from backscroll.database.locks import LOCK_NOT_AVAILABLE, sqlstate

ATTEMPTS: Final = 5
"""The maximum number of attempts if the database rolls the work back."""

STANDBY: Final = "25006"
"""The code for a read-only server, which may have become a standby. A new connection may reach the
primary."""

_ROLLED_BACK: Final = frozenset({"40001", "40P01"})
"""The codes for a serialization failure and a deadlock, which other transactions cause."""

_FAILED: Final = ("53100", STANDBY, "XX00", "58", "F0")
"""Prefixes of the codes for a server that is full, read-only or damaged, or has lost files."""

_TIMED_OUT: Final = "57014"
"""The code for a statement that exceeded its time limit."""

_UNAVAILABLE: Final = ("08", "53", "57P")
"""Prefixes of the codes for a server that stops, starts, or accepts no more connections."""

Raised: TypeAlias = DBAPIError | PoolTimeoutError | OSError | DatabaseUnavailableError
"""The errors that are classified. Any other error is the work's own."""


class Failure(Struct, frozen=True):
    """A failure that rolled back the work.

    Attributes:
        shown: the error to raise if no attempt succeeds.
        attempts: the maximum number of attempts.
        waits_for: what to wait for, in addition to `attempts`: a lock, or the server.
    """

    shown: NothingWrittenError
    attempts: int = 1
    waits_for: Literal["", "lock", "server"] = ""


def classified(error: Raised) -> Failure | None:
    """Return what an error means, or None if the work itself caused it.

    For example, the work may violate a constraint.
    """
    if isinstance(error, PoolTimeoutError):
        return Failure(DatabaseBusyError())
    if isinstance(error, DatabaseUnavailableError):  # no connection was made
        return Failure(error, waits_for="server")
    if isinstance(error, TimeoutError):
        return Failure(DatabaseUnavailableError("the server stopped responding"))
    if isinstance(error, OSError):
        return Failure(DatabaseUnavailableError("the connection was lost"), ATTEMPTS, "server")
    return _of_driver(error)


def _of_driver(error: DBAPIError) -> Failure | None:
    code = sqlstate(error)
    if code == LOCK_NOT_AVAILABLE:
        return Failure(DatabaseBusyError(), ATTEMPTS, "lock")
    # A cached plan became invalid, because another replica changed a table that the plan uses.
    if code in _ROLLED_BACK or isinstance(error, NotSupportedError):
        return Failure(DatabaseBusyError(), ATTEMPTS)
    if code == _TIMED_OUT:
        return Failure(DatabaseBusyError())
    if code == STANDBY:
        return Failure(of_postgres(error), ATTEMPTS, "server")
    if code.startswith(_FAILED):
        return Failure(of_postgres(error))
    if error.connection_invalidated or code.startswith(_UNAVAILABLE):
        named = f" (SQLSTATE {code})" if code else ""
        lost = DatabaseUnavailableError(f"the connection was lost{named}")
        return Failure(lost, ATTEMPTS, "server")
    return None
