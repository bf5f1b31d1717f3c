"""Erases what was last active longer ago than its partition keeps it (`BACKSCROLL_KEEP_DAYS`).

A sweep walks the lists of threads, conversations, completions and responses, a few hundred rows at
a time, and erases as `backscroll forget` does: in small steps, and so that no import brings
anything back. The last activity of a completion or a response is its creation.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple, TypeAlias

from sqlalchemy import Connection, bindparam, case, false, func, select

from backscroll.database.port import Database
from backscroll.store.archive.erasing import KINDS, Kind, begin, erase_all
from backscroll.store.pace import PAUSE_S, Pace
from backscroll.store.retention import RetentionClock
from backscroll.store.upkeep import watched_clock

DaysOf: TypeAlias = Callable[[str], int]
"""Returns how many days a partition keeps what is in it; 0 for ever."""
ClockOf: TypeAlias = Callable[[Connection], int]
"""Returns the time of day of a connection's database, in Unix seconds."""

DAY_S: Final = 86_400
LISTED: Final = 500
"""How many rows of a list are read at a time."""


class Expired(NamedTuple):
    """What a sweep did.

    Attributes:
        erased: how many threads, conversations, completions and responses were erased.
        waiting: how many are too old by the database's clock, but not by the trusted time.
    """

    erased: int
    waiting: int


async def expire(  # noqa: PLR0913 - one argument for each clock, and who may ask for what
    database: Database,
    retention: RetentionClock,
    days_of: DaysOf,
    *,
    clock_of: ClockOf = watched_clock.clock_of,
    at_once: bool = False,
    trusts_clock: bool = False,
    pause_s: float = PAUSE_S,
) -> Expired:
    """Erase what is older than its partition keeps it.

    Args:
        database: the database.
        retention: measures time.
        days_of: how long each partition keeps what is in it.
        clock_of: the database's clock.
        at_once: whether to sweep even if a sweep began less than an hour ago.
        trusts_clock: whether the clock is trusted as it is, because an operator says so.
        pause_s: the pause between two transactions, in seconds.
    """

    def look(connection: Connection) -> int | None:
        retention.count(connection)
        seeing = watched_clock.trust if trusts_clock else watched_clock.look
        seen = seeing(connection, clock_of(connection))
        if not at_once and not watched_clock.is_due(seen):
            return None
        watched_clock.begin_sweep(connection, seen)
        return seen.trusted_s

    trusted_s = await database.write(look)
    if trusted_s is None:
        return Expired(0, 0)
    erased = 0
    for kind in KINDS:
        for partition in await database.read(partial(_partitions, kind), large=True):
            if days := days_of(partition):
                before_s = trusted_s - days * DAY_S
                erased += await _sweep(database, kind, partition, before_s, trusted_s, pause_s)
    if erased:
        await erase_all(database, pause_s)
        await database.truncate_log()
    left = await database.read(
        lambda connection: due(connection, days_of, clock_of(connection)), large=True
    )
    return Expired(erased, left)


def due(connection: Connection, days_of: DaysOf, now_s: int) -> int:
    """Return how many objects are older than their partition keeps them.

    Args:
        connection: a connection for reading.
        days_of: how long each partition keeps what is in it.
        now_s: the time of day in Unix seconds.
    """
    count = 0
    for kind in KINDS:
        for partition in _partitions(kind, connection):
            if days := days_of(partition):
                columns = kind.table.c
                old = select(func.count()).where(
                    columns.partition == partition,
                    columns.deleted_at.is_(None),
                    kind.is_before(now_s - days * DAY_S),
                    kind.has_nothing_since(now_s - days * DAY_S),
                )
                count += connection.scalar(old) or 0
    return count


async def _sweep(  # noqa: PLR0913, PLR0917 - what `expire` knows
    database: Database, kind: Kind, partition: str, before_s: int, now_s: int, pause_s: float
) -> int:
    """Mark what is too old in a list as deleted. Return how much that was."""
    above, erased, pace = 0, 0, Pace(most=LISTED)
    while True:
        listed = await database.read(partial(_listed, kind, partition, before_s, above), large=True)
        old = [identifier for _, identifier, is_old in listed if is_old]
        while old:
            some = partial(_begin_some, pace, kind, partition, old, before_s, now_s)
            begun, old = await database.write(some)
            erased += begun
            await asyncio.sleep(pause_s)
        if len(listed) < LISTED:
            return erased
        above = listed[-1][0]
        await asyncio.sleep(pause_s)


def _begin_some(  # noqa: PLR0913, PLR0917 - what `_sweep` knows
    pace: Pace,
    kind: Kind,
    partition: str,
    ids: list[str],
    before_s: int,
    now_s: int,
    connection: Connection,
) -> tuple[int, list[str]]:
    """Begin to erase some of the objects. Return how many still were as old, and the others."""

    def work(most: int) -> tuple[int, list[str]]:
        begun = sum(
            begin(connection, partition, kind, each, now_s, before_s=before_s)
            for each in ids[:most]
        )
        return begun, ids[most:]

    return pace.step(work)


def _partitions(kind: Kind, connection: Connection) -> list[str]:
    """Return the partitions that have objects of a kind."""
    return list(_each_partition(kind, connection))


def _each_partition(kind: Kind, connection: Connection) -> Iterator[str]:
    columns = kind.table.c
    first = select(func.min(columns.partition)).where(columns.deleted_at.is_(None))
    following = first.where(columns.partition > bindparam("last"))
    found = connection.scalar(first)
    while found is not None:
        yield found
        found = connection.scalar(following, {"last": found})


def _listed(
    kind: Kind, partition: str, before_s: int, above: int, connection: Connection
) -> list[tuple[int, str, bool]]:
    """Return the next rows of a list: the position and id of each, and whether it is too old."""
    columns = kind.table.c
    # SQLite may evaluate both sides of an AND, and the second one reads all messages.
    is_old = case((kind.is_before(before_s), kind.has_nothing_since(before_s)), else_=false())
    statement = (
        select(columns.position, columns.id, is_old)
        .where(
            columns.partition == partition,
            columns.deleted_at.is_(None),
            columns.position > above,
        )
        .order_by(columns.position)
        .limit(LISTED)
    )
    return [(row[0], row[1], bool(row[2])) for row in connection.execute(statement)]
