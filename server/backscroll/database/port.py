"""The interface of an open database, which both engines implement."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]


class Database(Protocol):
    """An open database. It runs synchronous functions, and passes each of them a connection."""

    async def read(self, work: Work[T], *, large: bool = False) -> T:
        """Run `work` without a transaction: each statement sees what was committed before it began.

        Args:
            work: a function that reads rows.
            large: whether `work` reads megabytes. If so, `work` does not run on the event loop.

        Raises:
            DatabaseBusyError: no lock or no connection was free in time.
            DatabaseUnavailableError: the database's server does not respond.
            DatabaseFailedError: the database is damaged, missing, or fails in another way.
        """

    async def write(self, work: Work[T], turn: str = "") -> T:
        """Run `work` in a write transaction. When this returns, the transaction is committed.

        Args:
            work: a function that writes rows. If it raises, nothing is written. If its transaction
                is rolled back for another reason, `work` may run again, so it must not depend on an
                earlier run.
            turn: the name of the object that `work` locks, such as a thread. Writes of this process
                with the same name run one after another and do not delay other writes. Empty if
                `work` locks no object.

        Raises:
            DatabaseBusyError: no lock or no connection was free in time; nothing was written.
            DatabaseUnavailableError: the database's server does not respond; nothing was written.
            DatabaseFailedError: the database is full, read-only, damaged, missing, or fails in
                another way; nothing was written.
            CommitUnknownError: the connection was lost during the commit, so `work` may or may not
                have been committed.
        """

    async def require_writable(self) -> None:
        """Check that a write can begin now, and wait for locks as a write does.

        Raises:
            DatabaseBusyError: as in `write`.
            DatabaseUnavailableError: as in `write`.
            DatabaseFailedError: as in `write`. A full or read-only database may be noticed only by
                a write that changes something.
        """

    async def check(self) -> None:
        """Check quickly that the database can be read and written.

        Raises:
            DatabaseUnavailableError: the database's server does not respond.
            DatabaseFailedError: the database cannot be read or written.
        """

    async def truncate_log(self) -> bool:
        """Empty the write-ahead log, which may still contain content that was erased.

        Returns:
            Whether the log is empty. It is not empty if another process is reading. On PostgreSQL,
            the result is always False, because the log belongs to the server's operator.

        Raises:
            DatabaseFailedError: as in `write`.
        """

    async def maintain(self, work: Work[T]) -> T:
        """Run `work` on a connection of its own, without a transaction, on which it may run long.

        It is for statements that cannot run in a transaction, such as `VACUUM`, and for statements
        that take longer than a read may take.

        Raises:
            DatabaseBusyError: no lock was free in time.
            DatabaseUnavailableError: the database's server does not respond.
            DatabaseFailedError: as in `read`.
        """

    async def close(self) -> None:
        """Wait for running reads and writes, then close every connection."""
