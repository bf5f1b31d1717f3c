"""SQLite's connection for the event loop, where short work is faster than on another thread.

It never waits for a lock, and interrupts statements that take too long.
"""

import sqlite3
from typing import Final, TypeVar, cast

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from backscroll.database.faults import DatabaseFailedError
from backscroll.database.port import Work
from backscroll.database.sqlite_engine import Interruption, KeptConnection

ON_LOOP_S: Final = 0.05
"""How long work may take on the event loop, in seconds."""

T = TypeVar("T")


class LoopConnection:
    """A connection that only the event loop uses.

    Args:
        engine: a pool of one connection that fails at once if the database is locked.
        most_s: the maximum time that work may take, in seconds.
    """

    def __init__(self, engine: Engine, most_s: float = ON_LOOP_S) -> None:
        self._engine = engine
        self._kept = KeptConnection(engine)
        self._most_s = most_s
        self._interruption = Interruption()
        event.listen(engine, "connect", self._interruption.attach)

    def run(self, work: Work[T]) -> T:
        """Run `work` without a transaction.

        Raises:
            OperationalError: the database is locked, or `work` took too long.
        """
        with self._kept.use() as connection:
            self._interruption.after(self._most_s)
            return work(connection)

    def can_lock(self) -> bool:
        """Return whether the lock for writing can be taken now. It is released at once."""
        try:
            self.run(_lock)
        except (DatabaseFailedError, DBAPIError, sqlite3.Error, UnicodeDecodeError):
            return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._kept.close()
        self._engine.dispose()


def _lock(connection: Connection) -> None:
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    driver.execute("BEGIN IMMEDIATE")
    driver.execute("ROLLBACK")
