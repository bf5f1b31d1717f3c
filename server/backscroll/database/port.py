"""What is known of a database outside of this package; `opening` opens one of either kind."""

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], T]


class Database(Protocol):
    """A store's database, open. The same work runs on every engine, synchronous throughout."""

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a connection that sees each of its statements committed state only.

        Raises:
            DatabaseBusyError: a lock or a connection was not to be had in time.
            DatabaseUnavailableError: the database's server does not answer.
            DatabaseFailedError: the database is damaged, gone, or fails otherwise.
        """

    async def write(self, work: Work[T], turn: str = "") -> T:
        """Run `work` in a write transaction, committed when this returns.

        Args:
            work: what to do.
            turn: names what the work locks, such as a thread: writes of this process with one name
                are done one after another, and hold up no others. Empty for nothing of the kind.

        Work that raises leaves nothing behind. Work may be run again when something else than
        itself undid its transaction, so that what it makes it makes anew each time.

        Raises:
            DatabaseBusyError: a lock or a connection was not to be had in time; nothing was
                written.
            DatabaseUnavailableError: the database's server does not answer; nothing was written.
            DatabaseFailedError: the database is full, read-only, damaged, gone, or fails
                otherwise; nothing was written.
            CommitUnknownError: the connection was lost in the commit: whether `work` stands,
                nobody can tell from here.
        """

    async def check(self) -> None:
        """See that the database can be read and written, as far as that can be told cheaply.

        Raises:
            DatabaseUnavailableError: the database's server does not answer.
            DatabaseFailedError: it cannot.
        """

    async def close(self) -> None:
        """Let what is running end, then close every connection."""
