"""The time by which retention erases, which no jump of a clock moves.

The database's clock may be wrong: a machine that starts with a wrong time would erase everything
that is not that old. So what counts is the time that is trusted. It goes on with what processes
measure (`backscroll.store.retention`), and never exceeds the database's clock.

Time that nobody measured, because no process ran or the machine slept, cannot be told from a jump
of the clock. It is trusted only bit by bit: for each second that is measured while the clock agrees
with it, `ACCEPTED` seconds more. So after a night without a server, the trusted time is behind for
40 minutes; and a clock that jumps to another year moves it by nothing at the jump, and by at most
24 days for each day that nobody puts the clock right.

At first, the time of the newest activity in the store is trusted; nothing while it is empty.
"""

from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from backscroll.database.locks import take_turns
from backscroll.database.response_schema import responses
from backscroll.database.schema import completions, conversations, retention_clock, threads
from backscroll.database.upkeep_schema import watched_clock
from backscroll.store.activity import US
from backscroll.store.search.rows import is_postgres

ACCEPTED: Final = 24
"""How many seconds that nobody measured are trusted for each second that is measured."""
SLACK_S: Final = 300
"""By how much the database's clock and the measured time may differ between two looks, in seconds,
if the clock agrees with it."""

_HOUR_MS: Final = 3_600_000
_SQLITE: Final = "SELECT CAST(strftime('%s', 'now') AS INTEGER)"
_POSTGRES: Final = "SELECT CAST(extract(EPOCH FROM clock_timestamp()) AS BIGINT)"


class Seen(NamedTuple):
    """What was seen at a look.

    Attributes:
        elapsed_ms: the measured time, in milliseconds.
        clock_s: the database's clock, in Unix seconds.
        trusted_s: the trusted time, in Unix seconds.
        swept_ms: the measured time at the last sweep; None before the first.
    """

    elapsed_ms: int
    clock_s: int
    trusted_s: int
    swept_ms: int | None = None


def clock_of(connection: Connection) -> int:
    """Return the time of day of the database's machine, in Unix seconds."""
    statement = _POSTGRES if is_postgres(connection) else _SQLITE
    return int(connection.exec_driver_sql(statement).scalar_one())


def look(connection: Connection, clock_s: int) -> Seen:
    """Look at the clock, and store what was seen.

    Args:
        connection: a connection in a write transaction, after `RetentionClock.count`.
        clock_s: the database's clock, from `clock_of`.
    """
    take_turns(connection, "watched clock")
    elapsed_ms = int(connection.execute(select(retention_clock.c.elapsed_ms)).scalar_one())
    row = connection.execute(select(watched_clock)).one_or_none()
    if row is None:
        seen = Seen(elapsed_ms, clock_s, min(_newest_s(connection, clock_s), clock_s))
        if seen.trusted_s > 0:  # an empty store says nothing about the clock
            connection.execute(insert(watched_clock).values(seen._asdict()))
        return seen
    seen = next_look(Seen(*row), elapsed_ms, clock_s)
    connection.execute(update(watched_clock).values(seen._asdict()))
    return seen


def next_look(before: Seen, elapsed_ms: int, clock_s: int) -> Seen:
    """Return what is seen at a look, given what was seen at the look before it."""
    measured_s = max((elapsed_ms - before.elapsed_ms) / 1000, 0)
    agrees = abs(clock_s - before.clock_s - measured_s) <= SLACK_S
    trusted_s = before.trusted_s + measured_s * (1 + ACCEPTED * agrees)
    return before._replace(
        elapsed_ms=elapsed_ms, clock_s=clock_s, trusted_s=int(min(trusted_s, clock_s))
    )


def trust(connection: Connection, clock_s: int) -> Seen:
    """Trust the database's clock as it is, because an operator says so."""
    seen = look(connection, clock_s)._replace(trusted_s=clock_s)
    connection.execute(update(watched_clock).values(trusted_s=clock_s))
    return seen


def is_due(seen: Seen) -> bool:
    """Whether no sweep has begun for an hour."""
    return seen.swept_ms is None or seen.elapsed_ms - seen.swept_ms >= _HOUR_MS


def begin_sweep(connection: Connection, seen: Seen) -> None:
    """Record that a sweep begins."""
    connection.execute(update(watched_clock).values(swept_ms=seen.elapsed_ms))


def _newest_s(connection: Connection, clock_s: int) -> int:
    """Return the time of the newest activity in the store, in Unix seconds; 0 if it is empty.

    Times after the clock's say nothing, because an import may give them in milliseconds. The clock
    of the process that wrote them may be a little ahead.
    """
    end_s = clock_s + SLACK_S
    active = [(table.c.last_active_us, US) for table in (threads, conversations)]
    created = [(table.c.created_at, 1) for table in (completions, responses)]
    return max(
        (connection.scalar(select(func.max(column)).where(column < end_s * unit)) or 0) // unit
        for column, unit in (*active, *created)
    )
