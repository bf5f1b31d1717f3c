"""Parses JSON of a model server into values that can be stored and sent again as JSON."""

import json
import math
import re
from typing import Any, Final, TypeAlias

JSON: TypeAlias = dict[str, Any]

MAX_DEPTH: Final = 100
"""How deeply an object may be nested."""

_LARGE_EXPONENT: Final = re.compile(rb"[eE]\+?[0-9]{3}")
_LARGE_NUMBER: Final = re.compile(rb"[0-9]{210}")
"""With fewer digits, a number is finite even if its exponent is 99."""

_BOM: Final = b"\xef\xbb\xbf"


def parse_object(data: bytes) -> JSON | None:
    """Return the object in `data`, or None if it is anything else, or nested above `MAX_DEPTH`.

    Invalid UTF-8 becomes U+FFFD. Numbers that JSON does not have (NaN and infinities) become null.
    A byte order mark is ignored.
    """
    # A callback for each number costs time, and only such a large one needs it.
    may_be_infinite = _LARGE_EXPONENT.search(data) or _LARGE_NUMBER.search(data)
    decoder = _FINITE if may_be_infinite else _LENIENT
    text = data.removeprefix(_BOM).decode(errors="replace")
    try:
        value = decoder.decode(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    may_be_deep = data.count(b"{") + data.count(b"[") > MAX_DEPTH
    return None if may_be_deep and _is_deep(value) else value


def _is_deep(value: JSON) -> bool:
    """Return whether a value is nested above `MAX_DEPTH`, without recursion."""
    layer: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        layer = [
            inside
            for each in layer
            for inside in (each.values() if isinstance(each, dict) else each)
            if isinstance(inside, dict | list)
        ]
        if not layer:
            return False
    return True


def _null(_name: str) -> None:
    return None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


# Made once: `json.loads` makes one for each call with such arguments, which is each event.
_LENIENT: Final = json.JSONDecoder(parse_constant=_null)
_FINITE: Final = json.JSONDecoder(parse_constant=_null, parse_float=_finite)
