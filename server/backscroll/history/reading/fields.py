"""Values in other programs' JSON, read without an error if they have an unexpected type."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote, urlsplit

_compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` if it is a JSON object; otherwise an empty object."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[Any]:
    """Return `value` if it is a JSON array; otherwise an empty array."""
    return value if isinstance(value, list) else ()


def string(value: object) -> str:
    """Return `value` if it is a string; otherwise an empty string."""
    return value if isinstance(value, str) else ""


def text_in(record: Mapping[str, Any], name: str) -> str:
    """Return the value of a field if it is a string; otherwise an empty string."""
    return string(record.get(name))


def identifier(value: object) -> str:
    """Return an id as a string. It is empty if `value` is neither a string nor an integer."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return as_text(value)
    return string(value)


def as_text(value: object) -> str:
    """Return a string unchanged, and any other value as compact JSON.

    The result is empty if the value is None, or if it cannot be written as JSON.
    """
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


def objects_of(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON array; empty if the value is not an array."""
    return [each for each in sequence(value) if isinstance(each, dict)]


def first_text(record: Mapping[str, Any], *names: str) -> str:
    """Return the value of the first of these fields that is a non-empty string; otherwise `""`."""
    return next(filter(None, (string(record.get(name)) for name in names)), "")


def path_in_address(address: object) -> str:
    """Return the path in a URL, such as `file:///c%3A/Users`; empty if `address` is no valid URL.

    The result for a Windows path starts with the drive, such as `c:/Users`, without a `/` before.
    """
    try:
        path = unquote(urlsplit(string(address)).path)
    except ValueError:
        return ""
    is_windows = path[2:3] == ":"
    return path[1:] if is_windows else path


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
