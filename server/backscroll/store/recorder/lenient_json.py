"""Parses JSON of a model server into values that can be stored and sent again as JSON."""

import json
import math
import re
from typing import Any, Final, TypeAlias

JSON: TypeAlias = dict[str, Any]

_LARGE_EXPONENT: Final = re.compile(rb"[eE]\+?[0-9]{3}")
_BOM: Final = b"\xef\xbb\xbf"


def parse_object(data: bytes) -> JSON | None:
    """Return the object in `data`, or None if it is anything else.

    Invalid UTF-8 becomes U+FFFD. Numbers that JSON does not have (NaN and infinities) become null.
    A byte order mark is ignored.
    """
    # A callback for each number costs time, and only a number with such an exponent needs it.
    finite = _finite if _LARGE_EXPONENT.search(data) else None
    text = data.removeprefix(_BOM).decode(errors="replace")
    try:
        value = json.loads(text, parse_constant=_null, parse_float=finite)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _null(_name: str) -> None:
    return None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
