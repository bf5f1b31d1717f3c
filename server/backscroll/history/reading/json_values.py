"""Reads parts of JSON values whose types are not known, without an error."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from backscroll.history.reading.fields import as_text, sequence, string


def objects_of(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON array; empty if the value is not an array."""
    return [each for each in sequence(value) if isinstance(each, dict)]


def first_text(record: Mapping[str, Any], *names: str) -> str:
    """Return the first field that is a non-empty string; empty if there is none."""
    return next(filter(None, (string(record.get(name)) for name in names)), "")


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
            case _:
                pass


def json_text(value: object) -> str:
    """Return a value as JSON, or only its strings if it is nested too deeply."""
    return as_text(value) or json.dumps(list(strings_in(value)), ensure_ascii=False)
