"""Converts values to and from the JSON text that the database stores."""

import json
from typing import Final

from pydantic_core import from_json, to_json

from backscroll.database.faults import DatabaseFailedError

_compact: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dump_json(value: object) -> str:
    """Return `value` as compact JSON, in which characters outside ASCII are not escaped."""
    return _compact.encode(value)


def dump_large_json(value: object) -> str:
    """Return `value` as compact JSON, as `dump_json` does, but several times faster.

    Some numbers may be written differently, such as `1e22` instead of `1e+22`.

    Raises:
        ValueError: `value` has a lone surrogate, or a number that is not finite.
        RecursionError: `value` is nested too deeply.
    """
    try:
        data = to_json(value)
    except ValueError:  # a lone surrogate, or deeper nesting than `to_json` supports
        text = dump_json(value)
        text.encode()
        return text
    text = data.decode()
    return dump_json(value) if "NaN" in text or "Infinity" in text else text


def load_json(text: str | bytes) -> object:
    """Return the value of JSON text that `dump_json` returned. Bytes are in UTF-8.

    Raises:
        DatabaseFailedError: `text` is not JSON, so the database is damaged.
    """
    try:
        return from_json(text)
    except ValueError:  # the text may be nested too deeply for `from_json`
        try:
            return json.loads(text)
        except ValueError:
            raise DatabaseFailedError("damaged", "malformed JSON") from None
