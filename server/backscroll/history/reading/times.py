"""Times in session logs."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999, as a Unix time."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def unix_ms(written: object) -> int | None:
    """Return a time in Unix milliseconds, or None if it is not one between 1970 and 9999.

    Args:
        written: text in ISO 8601 format, in UTC if it has no time zone, or a number of Unix
            seconds or milliseconds. Numbers of seconds end where the year 9999 does; larger numbers
            are milliseconds.
    """
    if isinstance(written, str):
        return _parsed(written)
    if isinstance(written, int | float) and not isinstance(written, bool):
        if not 0 <= written <= LATEST_MS:
            return None
        return int(written * 1000) if written <= LATEST_MS // 1000 else int(written)
    return None


@lru_cache(maxsize=64)
def _parsed(written: str) -> int | None:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    ms = (moment - _EPOCH) // _MS
    return ms if 0 <= ms <= LATEST_MS else None
