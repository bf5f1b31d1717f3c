"""Parses the times in imported conversations: Unix seconds, or text in ISO 8601 format."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

LATEST: Final = 253_402_300_799
"""The last second of the year 9999, as a Unix time."""

NOT_A_TIME: Final = "not_a_time"
"""If `unix_seconds` refuses the value of a field, the Pydantic error has this type."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def unix_seconds(written: object) -> int:
    """Return a time in Unix seconds, rounded down.

    Args:
        written: a number of Unix seconds, or text in ISO 8601 format. A text without a time zone is
            in UTC.

    Raises:
        ValueError: `written` is neither, or the time is not between 1970 and 9999.
    """
    if isinstance(written, str):
        moment = datetime.fromisoformat(written)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
    elif isinstance(written, int | float) and not isinstance(written, bool):
        seconds = math.floor(written)
    else:
        raise ValueError("it is neither a number nor text")  # noqa: TRY004 - the caller expects a ValueError
    if not 0 <= seconds <= LATEST:
        raise ValueError("it is not between 1970 and 9999")
    return seconds
