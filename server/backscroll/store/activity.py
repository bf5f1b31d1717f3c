"""The time of the last activity of a thread or conversation, which orders the list of both.

An append of messages or items is an activity, and so is the creation. The time of an activity is
the time of day in Unix microseconds, and at least 1 more than every time in the partition, even if
the clock went back. So a list by activity changes only at its new end. An imported thread has the
time of its last message, but not a time in the future, which would delay all later ones.
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
        .where(rows.c.partition == bindparam("within"), rows.c.deleted_at.is_(None))
        .order_by(rows.c.last_active_us.desc())
        .limit(1)
        .scalar_subquery()
    )


def _newest(*times: ColumnElement[int]) -> ScalarSelect[int]:
    """Return a query for the greatest of several times; null if each is null."""
    each = union_all(*(select(time.label("us")) for time in times)).subquery()
    return select(func.max(each.c.us)).scalar_subquery()


_of_threads: Final = _latest(threads)
_of_conversations: Final = _latest(conversations)

next_activity: Final = _newest(
    bindparam("now_us", type_=BigInteger), _of_threads + 1, _of_conversations + 1
)
"""The time of an activity that happens now; binds the partition `within` and the time `now_us`."""

latest_activity: Final = select(func.coalesce(_newest(_of_threads, _of_conversations), 0))
"""The time of the latest activity in the partition `within`; 0 if there is none."""
