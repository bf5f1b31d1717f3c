"""Reads the times in the HTML of Google's My Activity, such as `Apr 12, 2026, 3:34:31 PM EDT`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_MINUS: Final = "\N{MINUS SIGN}"
_TIME: Final = re.compile(
    r"(?:(?P<month>[A-Za-z]{3,4}) (?P<day>\d{1,2})|(?P<day2>\d{1,2}) (?P<month2>[A-Za-z]{3,4}))"
    r",? (?P<year>\d{4}), (?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?: ?(?P<half>[AaPp][Mm]))? "
    rf"(?P<zone>(?:GMT|UTC)[+{_MINUS}-]\d{{1,2}}(?::?\d{{2}})?|[A-Za-z]{{1,5}})"
)
_OFFSET: Final = re.compile(
    rf"(?:GMT|UTC)(?P<sign>[+{_MINUS}-])(?P<hours>\d{{1,2}}):?(?P<minutes>\d{{2}})?"
)
_SPACES: Final = re.compile("[ \t\n\u00a0\u202f]+")
# fmt: off
_ZONES: Final = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2,
    "EEST": 3, "SAST": 2, "MSK": 3, "IST": 5.5, "SGT": 8, "HKT": 8, "AWST": 8, "JST": 9, "KST": 9,
    "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "NST": -3.5,
    "NDT": -2.5, "BRT": -3, "AST": -4, "ADT": -3, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5,
    "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10,
}
# fmt: on
"""The hours that each time zone is ahead of UTC.

For a time zone that is not in this table, Google writes the offset, such as `GMT+5:30`.
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_time(line: str) -> bool:
    """Return whether a line is a time in English and nothing else."""
    return _TIME.fullmatch(_plain(line)) is not None


def unix_seconds_of(line: str) -> int | None:
    """Return a time in Unix seconds; None if the date is invalid or the time zone is unknown."""
    found = _TIME.fullmatch(_plain(line))
    if found is None:
        return None
    month = (found["month"] or found["month2"])[:3].lower()
    hours_ahead = _hours_ahead(found["zone"])
    if month not in _MONTHS or hours_ahead is None:
        return None
    hour = int(found["hour"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    try:
        local = datetime(
            int(found["year"]),
            _MONTHS.index(month) + 1,
            int(found["day"] or found["day2"]),
            hour,
            int(found["minute"]),
            int(found["second"]),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return (local - _EPOCH - timedelta(hours=hours_ahead)) // timedelta(seconds=1)


def _plain(line: str) -> str:
    return _SPACES.sub(" ", line).strip()


def _hours_ahead(zone: str) -> float | None:
    offset = _OFFSET.fullmatch(zone.upper())
    if offset is None:
        return _ZONES.get(zone.upper())
    hours = int(offset["hours"]) + int(offset["minutes"] or 0) / 60
    return hours if offset["sign"] == "+" else -hours
