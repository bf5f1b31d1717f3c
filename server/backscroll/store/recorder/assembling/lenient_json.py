"""Parses JSON of a model server into values that can be stored and sent again as JSON."""

import json
import math
from typing import Any, Final, TypeAlias

from msgspec import DecodeError
from msgspec.json import Decoder

JSON: TypeAlias = dict[str, Any]

MAX_DEPTH: Final = 100
"""How deeply an object may be nested."""

_BOM: Final = b"\xef\xbb\xbf"


def parse_object(data: bytes) -> JSON | None:
    """Return the object in `data`, or None if it is anything else, or nested above `MAX_DEPTH`.

    Invalid UTF-8 becomes U+FFFD. Numbers that JSON does not have (NaN and infinities) become null.
    A byte order mark is ignored.
    """
    data = data.removeprefix(_BOM)
    try:
        value = _STRICT.decode(data)
    except (DecodeError, RecursionError):
        value = _lenient(data)
    if not isinstance(value, dict):
        return None
    may_be_deep = data.count(b"{") + data.count(b"[") > MAX_DEPTH
    return None if may_be_deep and _is_deep(value) else value


def _lenient(data: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return _LENIENT.decode(data.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None


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


# Several times as fast as Python's, and refuses what is not exactly JSON.
_STRICT: Final = Decoder()
_LENIENT: Final = json.JSONDecoder(parse_constant=_null, parse_float=_finite)
