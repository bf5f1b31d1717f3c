"""How long a row has been kept, counted only in time that has certainly passed.

No time of day is trusted. The clock of a replica may be wrong by years and jump, and so may the
clock of the database's server. Only seconds that a process's monotonic clock measured between two
looks at the database count.

The database has one reading: `elapsed_ms`, and a `token` that changes with each reading. A process
remembers the token that it saw last, and when, by its monotonic clock. If a later write finds the
same token, the process replaces the reading: it adds the time since then, but at most `STEP_S`. A
row stores the `elapsed_ms` at its insertion as a stamp.

Why no row is removed too early: compare a stamp taken at time s with a reading at time t. Every
reading between them covers an interval, from the moment its process saw the previous token until it
was written. The intervals do not overlap, because each begins with the token that ends the previous
one, and no token is used twice. So at most one of them began before s, and it counts for at most
`STEP_S`; the others lie between s and t. The reading therefore grew by at most `STEP_S` + (t - s).
A stamp is taken some time before its transaction commits, and a reading is visible only after its
own transaction commits: `TRANSACTION_S` covers both (a statement of the store ends within 30 s and
an idle transaction within 60 s, `postgres_address`; SQLite has one writer at a time). A reading
that is rolled back does no harm, because its token never appears again.

The cost: time in which no process looks twice does not count, so rows may be kept for longer than
necessary, but never for less. The rows kept are those of about 26 hours in which some process ran
and wrote from time to time.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from backscroll.database.schema import retention_clock

STEP_S: Final = 60 * 60
"""The most seconds that one reading adds to the time that has passed."""

TRANSACTION_S: Final = 60 * 60
"""An upper bound of the seconds between a stamp, or a reading, and its commit."""

PAUSE_S: Final = 10
"""The least seconds between two readings of one process."""

_reading: Final = select(retention_clock.c.token)
# Skips a reading that another transaction is replacing, so that no write waits here.
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
"""The reading, in milliseconds; the statement that inserts a row stamps it with this."""


def gone_before_ms(kept_s: int) -> int:
    """Return by how many milliseconds a reading must exceed a row's stamp to expire the row.

    Args:
        kept_s: the least seconds that a row is kept, from the commit that wrote it.
    """
    return (kept_s + STEP_S + TRANSACTION_S) * 1000


@dataclass(frozen=True, slots=True)
class _Seen:
    token: str
    at_s: float


class RetentionClock:
    """A process's share in counting the time for a database.

    Args:
        monotonic: returns the seconds since an arbitrary moment; never faster than real time.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: _Seen | None = None

    def look(self, connection: Connection) -> None:
        """Remember the database's reading, if it is not the one seen last.

        Args:
            connection: sees committed readings, or those of its own transaction.
        """
        token = connection.execute(_reading).scalar_one()
        if self._seen is None or self._seen.token != token:
            self._seen = _Seen(token, self._monotonic())

    def count(self, connection: Connection) -> None:
        """Add the time since the reading was seen, if no other process has added it.

        Args:
            connection: in a write transaction; it does not wait for other transactions here.
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
