"""Measures how long rows have been kept, without using the time of day.

The clocks of Backscroll's replicas and of the database server may be wrong by years, and may jump.
So the only time that counts is what a process measures with its monotonic clock between two
accesses to the database.

The database stores one reading of the elapsed time: `elapsed_ms`, and a `token` that changes with
each reading. A process remembers the last token that it saw, and when it first saw that token. If
it still finds the same token during a later write, it replaces the reading: it adds the time since
it first saw the token, but at most `STEP_S`. A new row stores the current `elapsed_ms` as its
stamp.

Proof that no row is removed too early: Compare a stamp taken at time s with a reading at time t.
Each reading that is written between s and t adds at most the length of an interval. The interval
begins when the process first saw the token that the reading replaces, and ends when the process
writes the reading with a new token. The intervals do not overlap, because a process can only see a
token after the interval that ends with this token, and no token is used twice. So at most one
interval began before s, and it adds at most `STEP_S`. All other intervals lie between s and t.
Therefore `elapsed_ms` increased by at most `STEP_S` + (t - s) from s to t. `TRANSACTION_S` covers
the delay from a stamp or a reading to its commit (`postgres_session` limits a statement to 30 s and
an idle transaction to 60 s; SQLite has one writer at a time). A reading that is rolled back is
harmless, because its token never appears again.

Time that no process measures does not count. So rows may be kept longer than necessary, but never
for a shorter time. In regular use, a row that must be kept for 24 hours is kept for about 26 hours.
"""

import secrets
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select, update

from backscroll.database.schema import retention_clock

STEP_S: Final = 60 * 60
"""The maximum time that one reading adds to `elapsed_ms`, in seconds."""

TRANSACTION_S: Final = 60 * 60
"""The maximum time between a stamp or a reading and the commit of its transaction, in seconds."""

PAUSE_S: Final = 10
"""The minimum time between two readings by one process, in seconds."""

_reading: Final = select(retention_clock.c.token)
# Skip a reading that another transaction is replacing, so that no write waits here.
_hold: Final = _reading.where(retention_clock.c.token == bindparam("seen")).with_for_update(
    skip_locked=True
)
_replace: Final = (
    update(retention_clock)
    .where(retention_clock.c.token == bindparam("seen"))
    .values(
        elapsed_ms=retention_clock.c.elapsed_ms + bindparam("passed_ms"), token=bindparam("new")
    )
)

ELAPSED_MS: Final = select(retention_clock.c.elapsed_ms).scalar_subquery()
"""An SQL expression for the current reading in milliseconds, which is the stamp of a new row."""


def gone_before_ms(kept_s: int) -> int:
    """Return by how many ms `elapsed_ms` must exceed a row's stamp before the row may be removed.

    Args:
        kept_s: the minimum time that a row is kept after the commit that wrote it, in seconds.
    """
    return (kept_s + STEP_S + TRANSACTION_S) * 1000


class _Seen(Struct, frozen=True):
    token: str
    at_s: float


class RetentionClock:
    """Measures the time between this process's accesses to a database.

    Args:
        monotonic: returns the seconds since an arbitrary moment. It never runs faster than real
            time.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: _Seen | None = None

    def look(self, connection: Connection) -> None:
        """Remember the current token, and the time at which this process first saw it.

        Args:
            connection: a connection for reading or writing.
        """
        token = connection.execute(_reading).scalar_one()
        if self._seen is None or self._seen.token != token:
            self._seen = _Seen(token, self._monotonic())

    def count(self, connection: Connection) -> None:
        """Add to the stored time the seconds since this process first saw the current token.

        Nothing is added if another process has replaced the token, or is replacing it.

        Args:
            connection: a connection in a write transaction. The method never waits for a lock.
        """
        seen, now = self._seen, self._monotonic()
        if seen is not None and now - seen.at_s < PAUSE_S:
            return
        if seen is None or connection.execute(_hold, {"seen": seen.token}).one_or_none() is None:
            self.look(connection)
            return
        passed_ms = int(min(now - seen.at_s, STEP_S) * 1000)
        new = secrets.token_hex(16)
        connection.execute(_replace, {"seen": seen.token, "passed_ms": passed_ms, "new": new})
        self._seen = _Seen(new, now)
