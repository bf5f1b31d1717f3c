"""Reads times that other programs wrote: ISO 8601 texts, or Unix times in various units."""

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from msgspec import Struct

LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, as a Unix time."""

_LATEST: Final = LATEST_MS // 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_SECOND: Final = timedelta(seconds=1)

_LEAST_MS: Final = 100_000_000_000
"""The largest number that is read as seconds: the year 5138. A larger number counts milliseconds,
microseconds or nanoseconds. In milliseconds, this number would be in the year 1973.
"""
_LEAST_US: Final = _LEAST_MS * 1000
_LEAST_NS: Final = _LEAST_US * 1000
_TOO_LARGE: Final = _LEAST_NS * 1000


def unix_seconds(written: object) -> int | None:
    """Return a time in Unix seconds, rounded down; None if it is missing or invalid.

    Args:
        written: text in ISO 8601 format, in UTC if it has no time zone; or a Unix time, as a number
            or as text. The size of the number shows whether it counts seconds, milliseconds,
            microseconds or nanoseconds.
    """
    if isinstance(written, str):
        return _from_text(written.strip())
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    if not 0 < written < _TOO_LARGE:  # false for NaN, too
        return None
    seconds = math.floor(written)
    for unit, least in ((10**9, _LEAST_NS), (10**6, _LEAST_US), (10**3, _LEAST_MS)):
        if seconds > least:
            seconds //= unit
            break
    return seconds if 0 < seconds <= _LATEST else None


def _from_text(written: str) -> int | None:
    try:
        return unix_seconds(float(written))
    except ValueError:
        pass
    moment = _since_epoch(written)
    if moment is None:
        return None
    seconds = moment // _SECOND
    return seconds if 0 < seconds <= _LATEST else None


def unix_ms(written: object) -> int | None:
    """Return a time in Unix milliseconds, or None if it is not between the years 1970 and 9999.

    Args:
        written: text in ISO 8601 format, in UTC if it has no time zone, or a number of Unix
            seconds or milliseconds. A number counts milliseconds if it would be after the year
            9999 when read as seconds.
    """
    if isinstance(written, str):
        return _ms_from_text(written)
    if isinstance(written, int | float) and not isinstance(written, bool):
        if not 0 <= written <= LATEST_MS:
            return None
        return int(written * 1000) if written <= LATEST_MS // 1000 else int(written)
    return None


def whole_seconds(ms: int | None) -> int | None:
    """Return a time in Unix milliseconds as Unix seconds, rounded down; None if it is unknown."""
    return None if ms is None else ms // 1000


class Period(Struct):
    """A period that grows with each time that is added to it.

    Attributes:
        first_ms: the earliest added time, in Unix milliseconds; None if no time was added.
        last_ms: the latest added time, in Unix milliseconds; None if no time was added.
    """

    first_ms: int | None = None
    last_ms: int | None = None

    def add(self, ms: int | None) -> None:
        """Add a time in Unix milliseconds, unless it is None."""
        if ms is None:
            return
        if self.first_ms is None or ms < self.first_ms:
            self.first_ms = ms
        if self.last_ms is None or ms > self.last_ms:
            self.last_ms = ms


@lru_cache(maxsize=64)
def _ms_from_text(written: str) -> int | None:
    """Return a time in Unix milliseconds; cached, because a session log often repeats a time."""
    moment = _since_epoch(written)
    if moment is None:
        return None
    ms = moment // _MS
    return ms if 0 <= ms <= LATEST_MS else None


def _since_epoch(written: str) -> timedelta | None:
    """Return how long after 1970-01-01 a time in ISO 8601 format is; None for an invalid time."""
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    except (ValueError, OverflowError):
        return None
