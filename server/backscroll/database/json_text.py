"""JSON as the database keeps it: compact, with text as it is."""

import json
from typing import Final

from pydantic_core import from_json

from backscroll.database.faults import DatabaseFailedError

_compact: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dump_json(value: object) -> str:
    """Return `value` as compact JSON, with text as it is and not escaped."""
    return _compact.encode(value)


def load_json(text: str) -> object:
    """Return what `dump_json` made `text` of.

    Raises:
        DatabaseFailedError: it is not JSON, and so not what was written.
    """
    try:
        return from_json(text)
    except ValueError:  # nested deeper than its bound
        try:
            return json.loads(text)
        except ValueError:
            raise DatabaseFailedError("damaged", "malformed JSON") from None
