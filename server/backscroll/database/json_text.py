"""JSON as the database stores it: compact, with non-ASCII characters unescaped."""

import json
from typing import Final

from pydantic_core import from_json

from backscroll.database.faults import DatabaseFailedError

_compact: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dump_json(value: object) -> str:
    """Return `value` as compact JSON; characters outside ASCII are not escaped."""
    return _compact.encode(value)


def load_json(text: str) -> object:
    """Return the value that `dump_json` encoded as `text`.

    Raises:
        DatabaseFailedError: `text` is not JSON, so the database is damaged.
    """
    try:
        return from_json(text)
    except ValueError:  # nested deeper than `from_json` allows
        try:
            return json.loads(text)
        except ValueError:
            raise DatabaseFailedError("damaged", "malformed JSON") from None
