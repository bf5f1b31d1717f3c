"""Reads fields of parsed JSON whose types are not known, without ever raising."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, as a Unix time."""

_SCALES: Final = ((10**17, 10**9), (10**14, 10**6), (10**11, 10**3))
"""The smallest times in nanoseconds, microseconds and milliseconds, and how many make a second.

10**11 seconds is in the year 5138; 10**11 milliseconds is in 1973.
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def text_of(value: object) -> str:
    """Return a string; empty if the value is not one."""
    return value if isinstance(value, str) else ""


def object_of(value: object) -> Mapping[str, Any]:
    """Return a JSON object; empty if the value is not one."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """Return a JSON array; empty if the value is not one."""
    return value if isinstance(value, list) else []


def objects_of(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON array; empty if the value is not an array."""
    return [each for each in list_of(value) if isinstance(each, dict)]


def first_text(record: Mapping[str, Any], *names: str) -> str:
    """Return the first field that is a non-empty string; empty if there is none."""
    return next(filter(None, (text_of(record.get(name)) for name in names)), "")


def strings_in(value: object, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the strings at any depth of a JSON value that are not blank, in their order.

    Args:
        value: any JSON value, of any depth.
        without: names of fields whose values are left out.
    """
    pending = [value]
    while pending:
        match pending.pop():
            case str(text):
                if text.strip():
                    yield text
            case list(values):
                pending.extend(reversed(values))
            case dict(fields):
                kept = [inner for name, inner in fields.items() if name not in without]
                pending.extend(reversed(kept))


def json_text(value: object) -> str:
    """Return a value as JSON. If it is nested too deeply, only its strings are in the result."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except RecursionError:
        return json.dumps(list(strings_in(value)), ensure_ascii=False)


def unix_seconds(written: object) -> int | None:
    """Return a time in Unix seconds, rounded down; None if the value is not a time after 1970.

    Args:
        written: a number of seconds, milliseconds, microseconds or nanoseconds, as a number or as
            text; or text in ISO 8601 format. A text without a time zone is in UTC.
    """
    if isinstance(written, str):
        try:
            return _within_range(_iso_seconds(written))
        except ValueError:
            pass
        try:
            written = float(written)
        except ValueError:
            return None
    if isinstance(written, bool) or not isinstance(written, int | float):
        return None
    if not abs(written) < 10**20:  # also excludes NaN
        return None
    scale = next((unit for least, unit in _SCALES if written >= least), 1)
    return _within_range(int(written // scale))


def digest(*parts: str) -> str:
    """Return 32 hexadecimal digits that identify a sequence of texts."""
    hashed = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(encoded))
        hashed.update(encoded)
    return hashed.hexdigest()[:32]


def _iso_seconds(written: str) -> int:
    moment = datetime.fromisoformat(written.strip())
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(seconds=1)


def _within_range(seconds: int) -> int | None:
    return seconds if 0 < seconds <= _LATEST else None
