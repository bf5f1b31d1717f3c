"""How long something has been kept, counted in time that surely passed.

No time of day is trusted. The clock of a replica may be wrong by years and jump, and so may the one
of a database's server. What counts is how far a process's monotonic clock went on between two looks
at the database.

The database holds one reading: `elapsed_ms`, and a `token` that is new with each reading. A process
remembers the token that it saw last and when that was, by its monotonic clock. If the same token is
still there at a later write, the process replaces the reading: it adds the time since, but no more
than `STEP_S`. Whatever is to be kept is marked with `elapsed_ms` when it is written.

Why nothing goes before its time: let a mark be made at the time s, and compare it with a reading
at the time t. Every reading between the two covers an interval, from the look that saw the token
before it until its own replacement. The intervals do not overlap, as each begins with the token
that ends the one before, and no token is used twice. So at most one of them began before s, and it
counts for at most `STEP_S`; the others lie between s and t. The reading therefore grew by at most
`STEP_S` + (t - s). A mark is made some time before its transaction commits, and a reading is seen
only after its own has: `TRANSACTION_S` covers both (a statement of the store ends within 30 s and
an idle transaction within 60 s, `postgres_address`; SQLite has one writer at a time). A reading
that is rolled back does no harm, as nobody finds its token again.

What it costs: time in which no process sees two readings does not count, so that things are kept
for longer than they need be, never for less. What is kept is what was written in some 26 hours
during which a process ran and wrote now and then, and in all never more than was written.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from backscroll.database.schema import retention_clock

STEP_S: Final = 60 * 60
"""The most seconds that one reading adds."""

TRANSACTION_S: Final = 60 * 60
"""More seconds than lie between a mark, or a reading, and the end of its transaction."""

PAUSE_S: Final = 10
"""How many seconds a process lets pass between two of its readings."""

_reading: Final = select(retention_clock.c.token)
# A reading that another transaction is about to replace is left to it: nobody waits here.
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
"""The reading, in milliseconds: for the mark of a row, within the statement that inserts it."""


def gone_before_ms(kept_s: int) -> int:
    """Return by how many milliseconds a reading surpasses what was marked longer ago than that.

    Args:
        kept_s: for how many seconds something is kept at least, from the commit that wrote it.
    """
    return (kept_s + STEP_S + TRANSACTION_S) * 1000


@dataclass(frozen=True, slots=True)
class _Seen:
    token: str
    at_s: float


class RetentionClock:
    """A process's part in counting the time that passes for a database.

    Args:
        monotonic: tells how many seconds have passed since any moment; never runs faster than time.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seen: _Seen | None = None

    def look(self, connection: Connection) -> None:
        """Remember the reading that is there, unless it is the one seen last.

        Args:
            connection: sees committed readings, or those of its own transaction.
        """
        token = connection.execute(_reading).scalar_one()
        if self._seen is None or self._seen.token != token:
            self._seen = _Seen(token, self._monotonic())

    def count(self, connection: Connection) -> None:
        """Add the time that passed since the reading was seen, if no other process did.

        Args:
            connection: in a write transaction. It never waits for another one here.
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
