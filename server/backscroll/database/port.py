"""The interface of a database for the rest of Backscroll; `opening` opens either engine."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]


class Database(Protocol):
    """An open database of the store. The same synchronous work runs on every engine."""

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a connection whose every statement sees only committed rows.

        Raises:
            DatabaseBusyError: no lock or no connection was free in time.
            DatabaseUnavailableError: the database's server does not answer.
            DatabaseFailedError: the database is damaged, missing, or fails in another way.
        """

    async def write(self, work: Work[T], turn: str = "") -> T:
        """Run `work` in a write transaction, committed when this returns.

        Args:
            work: what to do.
            turn: names what the work locks, such as a thread. Writes of this process with the same
                name run one after another, and do not delay others. Empty if it locks nothing.

        If `work` raises, nothing is written. `work` may run again if its transaction was undone for
        another reason, so it must not depend on an earlier run.

        Raises:
            DatabaseBusyError: no lock or no connection was free in time; nothing was written.
            DatabaseUnavailableError: the database's server does not answer; nothing was written.
            DatabaseFailedError: the database is full, read-only, damaged, missing, or fails in
                another way; nothing was written.
            CommitUnknownError: the connection was lost in the commit, so `work` may or may not have
                been committed.
        """

    async def check(self) -> None:
        """Check that the database can be read and written, as far as a cheap test can tell.

        Raises:
            DatabaseUnavailableError: the database's server does not answer.
            DatabaseFailedError: it cannot be read or written.
        """

    async def close(self) -> None:
        """Wait for running work, then close every connection."""
