"""The time of the last activity of a thread or conversation, which orders the list of both.

Creating a thread or conversation is an activity, and so is appending messages or items to it. The
time of an activity is the wall clock's time in Unix microseconds, and is always later than every
other time in the partition, even if the clock went back or the latest thread was deleted. So a list
by activity changes only at its newest end. An imported thread gets the time of its last message, or
the present if that time is in the future, because all later times would have to be even later.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    Table,
    bindparam,
    func,
    select,
    union_all,
)

from backscroll.database.schema import conversations, threads

US: Final = 1_000_000
"""Microseconds per second."""


def _latest(table: Table) -> ScalarSelect[int]:
    """Return a query for the last activity in the partition `within`; null if there is none."""
    rows = table.alias()
    return (
        select(rows.c.last_active_us)
        .where(rows.c.partition == bindparam("within"))
        .order_by(rows.c.last_active_us.desc())
        .limit(1)
        .scalar_subquery()
    )


def _newest(*times: ColumnElement[int]) -> ScalarSelect[int]:
    """Return a query for the latest of several times; null if all are null."""
    each = union_all(*(select(time.label("us")) for time in times)).subquery()
    return select(func.max(each.c.us)).scalar_subquery()


_of_threads: Final = _latest(threads)
_of_conversations: Final = _latest(conversations)

next_activity: Final = _newest(
    bindparam("now_us", type_=BigInteger), _of_threads + 1, _of_conversations + 1
)
"""An SQL expression for the time of an activity that happens now. Binds `within`, the partition,
and `now_us`, the present."""

latest_activity: Final = select(func.coalesce(_newest(_of_threads, _of_conversations), 0))
"""The time of the latest activity in the partition `within`; 0 if there is none."""
