"""Retries work on PostgreSQL, and translates the error if the last attempt fails."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError, NotSupportedError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from backscroll.database.driver_errors import of_postgres
from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    NothingWrittenError,
)
from backscroll.database.locks import LOCK_NOT_AVAILABLE, sqlstate

ATTEMPTS: Final = 5
"""The maximum number of attempts if the database rolls the work back."""

_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0

_ROLLED_BACK: Final = frozenset({"40001", "40P01"})
"""The codes for a serialization failure and a deadlock, which other transactions cause."""

_STANDBY: Final = "25006"
"""The code for a read-only server, which may have become a standby. A new connection may reach the
primary."""

_FAILED: Final = ("53100", _STANDBY, "XX00", "58", "F0")
"""Prefixes of the codes for a server that is full, read-only or damaged, or has lost files."""

_COMMIT_UNKNOWN: Final = ("40003", "08", "57P")
"""Prefixes of the codes after which it is unknown whether a COMMIT succeeded."""

_TIMED_OUT: Final = "57014"
"""The code for a statement that exceeded its time limit."""

_UNAVAILABLE: Final = ("08", "53", "57P")
"""Prefixes of the codes for a server that stops, starts, or accepts no more connections."""

T = TypeVar("T")


async def retry(run: Callable[[], Awaitable[T]], lock_ends_at: float) -> T:
    """Return the result of `run`. If the database rolls back the transaction, call `run` again.

    Args:
        run: takes a connection from the pool, works with it, and gives it back.
        lock_ends_at: the time until which `run` is retried after lock timeouts, in seconds of the
            event loop's clock. After other failures, at most `ATTEMPTS` attempts are made.

    Raises:
        DatabaseBusyError: the work was rolled back too often, or waited too long.
        DatabaseUnavailableError: the server cannot be reached, and nothing was written.
        DatabaseFailedError: the database is full, damaged or read-only, and nothing was
            written.
    """
    now = asyncio.get_running_loop().time
    attempt, pause_s = 1, _PAUSE_S
    while True:
        try:
            return await run()
        except PoolTimeoutError as error:
            raise DatabaseBusyError from error
        except DBAPIError as error:
            retryable, failure = _classify(error)
            if failure is None:
                raise
            locked = sqlstate(error) == LOCK_NOT_AVAILABLE
            last = now() >= lock_ends_at if locked else attempt == ATTEMPTS
            if not retryable or last:
                raise failure from (None if isinstance(failure, DatabaseFailedError) else error)
            attempt += not locked
        except TimeoutError as error:
            raise DatabaseUnavailableError("the server stopped responding") from error
        except OSError as error:
            if attempt == ATTEMPTS:
                raise DatabaseUnavailableError("the connection was lost") from error
            attempt += 1
        await asyncio.sleep(pause_s * random.random())  # noqa: S311 - not used for security
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _classify(error: DBAPIError) -> tuple[bool, NothingWrittenError | None]:
    """Return whether to retry, and the error to raise if no attempt succeeds.

    The second value is None if the work itself caused the error, for example by violating a
    constraint.
    """
    code = sqlstate(error)
    if code in _ROLLED_BACK or code == LOCK_NOT_AVAILABLE:
        return True, DatabaseBusyError()
    # A cached plan became invalid, because another replica changed a table that the plan uses.
    if isinstance(error, NotSupportedError):
        return True, DatabaseBusyError()
    if code == _TIMED_OUT:
        return False, DatabaseBusyError()
    if code.startswith(_FAILED):
        return code == _STANDBY, of_postgres(error)
    if error.connection_invalidated or code.startswith(_UNAVAILABLE):
        named = f" (SQLSTATE {code})" if code else ""
        return True, DatabaseUnavailableError(f"the connection was lost{named}")
    return False, None


async def commit(connection: AsyncConnection) -> None:
    """Commit the connection's transaction.

    Raises:
        DBAPIError: the server reports that it did not commit.
        CommitUnknownError: the server may have committed.
    """
    try:
        await connection.commit()
    except DBAPIError as error:
        code = sqlstate(error)
        if code and not code.startswith(_COMMIT_UNKNOWN):
            raise
        raise CommitUnknownError from error
    except OSError as error:
        raise CommitUnknownError from error
