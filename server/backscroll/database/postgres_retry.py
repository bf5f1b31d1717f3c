"""Which failures of PostgreSQL are retried, and which errors the others become."""

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
"""How often work is attempted if the database undoes it, before its caller gets an error."""

_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0

_UNDONE: Final = frozenset({"40001", "40P01"})
"""Rolled back because of another transaction: serialization failure and deadlock."""

_STANDBY: Final = "25006"
"""Read-only: the server became a standby, and another connection may lead to the primary."""

_MENDED: Final = ("53100", _STANDBY, "XX00", "58", "F0")
"""Prefixes of the codes of a server that is full, read-only or damaged, or has lost files."""

_UNSETTLED: Final = ("40003", "08", "57P")
"""Prefixes of the codes after which a COMMIT may have succeeded: unknown, or server gone."""

_TOO_LONG: Final = "57014"
"""The statement exceeded its time limit."""

_AWAY: Final = ("08", "53", "57P")
"""Prefixes of the codes of a server that stops, starts, or accepts no more connections."""

T = TypeVar("T")


async def persist(run: Callable[[], Awaitable[T]], lock_ends_at: float) -> T:
    """Await `run`, and retry it if the database has certainly rolled it back.

    Args:
        run: takes a connection, works on it, and gives it back.
        lock_ends_at: until when it is retried because of a lock, in seconds of the event loop's
            clock; for other reasons there are `ATTEMPTS` attempts at most.

    Raises:
        DatabaseBusyError: it was rolled back too often, or waited too long.
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
            again, told = _meaning(error)
            if told is None:
                raise
            locked = sqlstate(error) == LOCK_NOT_AVAILABLE
            last = now() >= lock_ends_at if locked else attempt == ATTEMPTS
            if not again or last:
                raise told from (None if isinstance(told, DatabaseFailedError) else error)
            attempt += not locked
        except TimeoutError as error:
            raise DatabaseUnavailableError("the server fell silent") from error
        except OSError as error:
            if attempt == ATTEMPTS:
                raise DatabaseUnavailableError("the connection was lost") from error
            attempt += 1
        await asyncio.sleep(pause_s * random.random())  # noqa: S311 - spreads retries, protects no secret
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _meaning(error: DBAPIError) -> tuple[bool, NothingWrittenError | None]:
    """Return whether to retry, and the error to raise at last; None for a fault of the work."""
    code = sqlstate(error)
    if code in _UNDONE or code == LOCK_NOT_AVAILABLE:
        return True, DatabaseBusyError()
    if isinstance(error, NotSupportedError):  # prepared before another replica changed a table
        return True, DatabaseBusyError()
    if code == _TOO_LONG:
        return False, DatabaseBusyError()
    if code.startswith(_MENDED):
        return code == _STANDBY, of_postgres(error)
    if error.connection_invalidated or code.startswith(_AWAY):
        return True, DatabaseUnavailableError(code or "the connection was lost")
    return False, None


async def commit(connection: AsyncConnection) -> None:
    """Commit.

    Raises:
        DBAPIError: the server reports that it did not commit.
        CommitUnknownError: the server may have committed.
    """
    try:
        await connection.commit()
    except DBAPIError as error:
        code = sqlstate(error)
        if code and not code.startswith(_UNSETTLED):
            raise
        raise CommitUnknownError from error
    except OSError as error:
        raise CommitUnknownError from error
