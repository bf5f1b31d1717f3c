"""Converts values to and from the JSON text that the database stores."""

import json
from typing import Final

from pydantic_core import from_json

from backscroll.database.faults import DatabaseFailedError

_compact: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dump_json(value: object) -> str:
    """Return `value` as compact JSON, in which characters outside ASCII are not escaped."""
    return _compact.encode(value)


def load_json(text: str) -> object:
    """Return the value of JSON text that `dump_json` returned.

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
