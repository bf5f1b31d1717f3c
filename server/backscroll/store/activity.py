"""The time of a thread's or conversation's last activity, which orders the list by activity.

An activity is the creation of a thread or conversation, or the addition of messages or items to it.
Its time is the wall clock's, in Unix microseconds. If the clock went back, the time is 1
microsecond after the latest activity in the partition, including the activity of deleted threads.
So times only increase, and a list by activity changes only at its newest end. An imported thread
gets the time of its last message. If that time is in the future, the thread gets the present time,
because every new activity must be later.
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

from backscroll.database.schema import conversations, messages, threads

US: Final = 1_000_000
"""Microseconds per second."""

newest_message_at: Final = (
    select(messages.c.created_at)
    .where(messages.c.thread == threads.c.position, messages.c.deleted_at.is_(None))
    .order_by(messages.c.position.desc())
    .limit(1)
    .scalar_subquery()
)
"""An SQL expression for the time of a thread's last message; null if the thread has none."""


def _latest(table: Table) -> ScalarSelect[int]:
    """Return a query for the latest activity in one partition of a table; null if it is empty."""
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
"""An SQL expression for the time of an activity that happens now. The parameter `within` is the
partition, and the parameter `now_us` is the time of day in Unix microseconds."""

latest_activity: Final = select(func.coalesce(_newest(_of_threads, _of_conversations), 0))
"""A query for the time of the latest activity in a partition; 0 if there was no activity.

The parameter `within` is the partition.
"""
