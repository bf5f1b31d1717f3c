"""Reads the times in an upstream's objects."""

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

_MILLISECONDS: Final = 100_000_000_000
"""The largest time that is read as seconds; it is in the year 5138. A larger number is read as
milliseconds, which DashScope sends."""

_NEVER: Final = 10**18
"""Numbers of this size or above are not valid times, even in milliseconds."""

_NUMBERS: Final = (int, float)
"""The types of numbers in JSON. `bool` is a subclass of `int`, so it is excluded separately."""

_WRITTEN: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", re.ASCII)
"""The start of a time that is written as text, such as `2026-11-28T09:00:00Z` (RFC 3339)."""


def seconds(value: object) -> int | None:
    """Convert a time to whole Unix seconds; None if it is not valid.

    Args:
        value: the time in seconds, in milliseconds, or as text (RFC 3339). A text without a time
            zone is in UTC.
    """
    if isinstance(value, str):
        if _WRITTEN.match(value):
            with suppress(ValueError):
                at = datetime.fromisoformat(value)
                return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
        return None
    if isinstance(value, bool) or not isinstance(value, _NUMBERS):
        return None
    if not abs(value) < _NEVER:
        return None
    return int(value / 1000) if value > _MILLISECONDS else int(value)
