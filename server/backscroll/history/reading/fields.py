"""Fields of other programs' JSON, read without an error if they have an unexpected type."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, as a Unix time."""

_LEAST_MS: Final = 100_000_000_000
"""Larger numbers are milliseconds: as seconds, this is the year 5138; as milliseconds, 1973."""
_LEAST_US: Final = _LEAST_MS * 1000
_LEAST_NS: Final = _LEAST_US * 1000
_TOO_LARGE: Final = _LEAST_NS * 1000

_compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object; otherwise an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[Any]:
    """Return `value` if it is a JSON array; otherwise an empty one."""
    return value if isinstance(value, list) else ()


def string(value: object) -> str:
    """Return `value` if it is a string; otherwise an empty one."""
    return value if isinstance(value, str) else ""


def identifier(value: object) -> str:
    """Return an id as a string. It is empty if `value` is neither a string nor an integer."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return as_text(value)
    return string(value)


def as_text(value: object) -> str:
    """Return a string as it is, nothing for None, and compact JSON for any other value."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return _compact.encode(value)
    except (ValueError, TypeError, RecursionError):  # too deep, or an integer of too many digits
        return ""


def parsed(text: object) -> object:
    """Return the value of JSON text. It is None if `text` is not JSON or nested too deeply."""
    if not isinstance(text, str | bytes):
        return None
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def unix_seconds(written: object) -> int | None:
    """Return a time in Unix seconds, rounded down; None if it is missing or invalid.

    Args:
        written: a number, as text or not, of seconds, milliseconds, microseconds or nanoseconds
            since 1970, which are told apart by their size; or a time in ISO 8601 format, in UTC if
            it has no time zone.
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
    try:
        moment = datetime.fromisoformat(written)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds <= _LATEST else None
