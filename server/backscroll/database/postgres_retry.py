"""Retries work on PostgreSQL, and translates the error if the last attempt fails."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from backscroll.database.faults import (
    DatabaseFailedError,
    DatabaseUnavailableError,
    LostCommitError,
)
from backscroll.database.locks import sqlstate
from backscroll.database.postgres_failures import Failure, classified
from backscroll.database.postgres_outage import Outage

_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0

_COMMIT_UNKNOWN: Final = ("40003", "08", "57P")
"""Prefixes of the codes after which it is unknown whether a COMMIT succeeded."""

T = TypeVar("T")


async def retry(run: Callable[[], Awaitable[T]], lock_ends_at: float, outage: Outage) -> T:
    """Return the result of `run`. If the database rolls back the transaction, call `run` again.

    Args:
        run: takes a connection from the pool, works with it, and gives it back.
        lock_ends_at: the time until which `run` is retried after lock timeouts, in seconds of the
            event loop's clock. Waits for the server do not count.
        outage: how long the server has failed. While work should wait for it, `run` is retried.

    Raises:
        DatabaseBusyError: the work was rolled back too often, or waited too long.
        DatabaseUnavailableError: the server cannot be reached, and nothing was written.
        DatabaseFailedError: the database is full, damaged or read-only, and nothing was
            written.
    """
    now = asyncio.get_running_loop().time
    attempt, pause_s = 1, _PAUSE_S
    while True:
        began_at = now()
        try:
            value = await run()
        except (DBAPIError, PoolTimeoutError, OSError, DatabaseUnavailableError) as error:
            failure = classified(error)
            if failure is None:
                raise
            if _is_last(failure, attempt, outage, is_late=now() >= lock_ends_at):
                shown = failure.shown
                raise shown from (None if isinstance(shown, DatabaseFailedError) else error)
        else:
            outage.end()
            return value
        attempt += failure.waits_for != "lock"
        await asyncio.sleep(pause_s * random.random())  # noqa: S311 - not used for security
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        if failure.waits_for == "server":
            lock_ends_at += now() - began_at


def _is_last(failure: Failure, attempt: int, outage: Outage, *, is_late: bool) -> bool:
    """Return whether a failed attempt is the last one."""
    if failure.waits_for == "lock":
        return is_late
    if failure.waits_for == "server" and outage.goes_on():
        return False
    return attempt >= failure.attempts


async def commit(connection: AsyncConnection) -> None:
    """Commit the connection's transaction.

    Raises:
        DBAPIError: the server reports that it did not commit.
        LostCommitError: the server may have committed.
    """
    try:
        await connection.commit()
    except DBAPIError as error:
        code = sqlstate(error)
        if code and not code.startswith(_COMMIT_UNKNOWN):
            raise
        raise LostCommitError from error
    except OSError as error:
        raise LostCommitError from error
