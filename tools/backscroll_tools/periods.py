"""Parses the arguments `since` and `until` into a period of time.

Each argument is one of these:

- a day, a month or a year: `2026-11-21`, `2026-11`, `2026`; `since` means its start, `until` its
  end, so the whole day, month or year is in the period;
- a time: `2026-11-21T10:00`, in UTC unless it has an offset;
- an age, in hours, days, weeks, months or years: `12h`, `7d`, `2w`, `3m`, `1y`;
- Unix seconds.
"""

import calendar
import re
import time
from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from backscroll_tools.errors import ToolError, invalid_arguments
from backscroll_tools.models import JSON

ADVICE: Final = "UTC date or time, or an age: 7d, 3m"
"""The description of both arguments in schemas."""

_AGE: Final = re.compile(r"([0-9]{1,6})([hdwmy])")
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24}
_DATE: Final = re.compile(r"([0-9]{4})(?:-?([0-9]{2})(?:-?([0-9]{2}))?)?")
_TIME: Final = re.compile(r"[^ T]{8,10}[ T].+")
_UNIX: Final = re.compile(r"[0-9]{9,11}")
_UNIX_NOW: Final = re.compile(r"[0-9]{1,11}")
_MONTHS: Final = 12
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Period(Struct, frozen=True):
    """A period of time.

    Attributes:
        since_s: the first second of the period, in Unix seconds; None if it has no beginning.
        until_s: the first second after the period, in Unix seconds; None if it has no end.
    """

    since_s: int | None = None
    until_s: int | None = None

    def __contains__(self, at_s: int) -> bool:
        """Whether a time in Unix seconds is within the period."""
        return (self.since_s is None or at_s >= self.since_s) and (
            self.until_s is None or at_s < self.until_s
        )

    def __bool__(self) -> bool:
        """Whether the period has a beginning or an end."""
        return self != Period()


def with_now(arguments: JSON) -> JSON:
    """Return a call's arguments; if they have a period but no cursor, add the time as `now`.

    Ages such as `7d` are subtracted from `now`. Each cursor contains the `now` of the first call,
    so the period is the same on all pages.
    """
    if "cursor" in arguments or not arguments.keys() & {"since", "until"}:
        return arguments
    return {**arguments, "now": str(int(time.time()))}


def period_of(filters: Mapping[str, str]) -> Period:
    """Return the period that a list's filters describe: `since`, `until` and `now` (`with_now`).

    Raises:
        ToolError: `invalid_arguments`, as `period` raises it.
    """
    now = filters.get("now", "")
    return period(filters, int(now) if _UNIX_NOW.fullmatch(now) else 0)


def period(given: Mapping[str, str], now_s: int) -> Period:
    """Return the period that `since` and `until` in `given` describe.

    Args:
        given: the arguments of a call, or the filters of a cursor. `since` and `until` may be
            missing.
        now_s: the time that ages are subtracted from, in Unix seconds.

    Raises:
        ToolError: `invalid_arguments` if a value has none of the formats that this module lists, or
            if `until` is not after `since`.
    """
    now = _EPOCH + timedelta(seconds=now_s)
    since, until = given.get("since", ""), given.get("until", "")
    found = Period(
        _seconds("since", since, now, 0) if since else None,
        _seconds("until", until, now, 1) if until else None,
    )
    if found.since_s is not None and found.until_s is not None and found.since_s >= found.until_s:
        raise invalid_arguments(
            "until is not after since.", "Use an earlier since or a later until."
        )
    return found


def _seconds(name: str, text: str, now: datetime, end: int) -> int:
    """Return the time that `text` names, in Unix seconds.

    Args:
        name: the name of the argument, for the error.
        text: the value of the argument.
        now: the time that an age is subtracted from.
        end: 1 to return the end of a day, month or year instead of its start; otherwise 0.
    """
    try:
        if age := _AGE.fullmatch(text):
            at = _before(now, int(age[1]), age[2])
        elif _UNIX.fullmatch(text):
            at = _EPOCH + timedelta(seconds=int(text))
        elif date := _DATE.fullmatch(text):
            at = _edge([int(part) for part in date.groups() if part], end)
        elif _TIME.fullmatch(text):
            at = datetime.fromisoformat(text)
        else:
            raise _refused(name)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0, int((at - _EPOCH).total_seconds()))
    except (ValueError, OverflowError):
        raise _refused(name) from None


def _before(now: datetime, count: int, unit: str) -> datetime:
    """Return the time that is `count` units before `now`, but not earlier than the year 1970."""
    if unit in _HOURS:
        hours = min(count * _HOURS[unit], int((now - _EPOCH).total_seconds()) // 3600)
        return now - timedelta(hours=hours)
    months = now.year * _MONTHS + now.month - 1 - count * (_MONTHS if unit == "y" else 1)
    year, month = max(1970, months // _MONTHS), months % _MONTHS + 1
    day = min(now.day, calendar.monthrange(year, month)[1])
    return now.replace(year=year, month=month, day=day)


def _edge(date: list[int], end: int) -> datetime:
    """Return the start of a year, month or day; if `end` is 1, its end.

    The end is the start of the following year, month or day. In the year 9999, it is the last
    second of the given year, month or day.
    """
    year, month, day = (*date, 1, 1)[:3]
    start = datetime(year, month, day, tzinfo=UTC)
    if not end:
        return start
    in_month = calendar.monthrange(year, month)[1]
    days = {1: 366 if calendar.isleap(year) else 365, 2: in_month, 3: 1}[len(date)]
    last_second = start + timedelta(days=days, seconds=-1)
    return last_second + timedelta(seconds=1) if last_second.year < MAXYEAR else last_second


def _refused(name: str) -> ToolError:
    return invalid_arguments(
        f"{name} is not a date, a time or an age.",
        "Use a date such as 2026-11-21 or 2026-11, a time such as 2026-11-21T10:00Z, or an age "
        "such as 12h, 7d, 3m (months) or 1y.",
    )
