"""Explains why an entry is refused, without quoting message text."""

import re
from typing import Final

from pydantic import ValidationError

from backscroll.commands.transfer.formats.times import NOT_A_TIME

_SHOWN: Final = 64
_UNKNOWN: Final = "extra_forbidden"
_RULES: Final = {
    "missing": "is missing",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    NOT_A_TIME: "must be Unix seconds or ISO 8601",
}


def unknown_fields(error: ValidationError) -> list[tuple[int | str, ...]]:
    """Return the paths of the unknown fields, or nothing if the error has other problems too."""
    errors = error.errors(include_url=False, include_input=False)
    others = [each for each in errors if each["type"] != _UNKNOWN]
    return [] if others else [each["loc"] for each in errors]


def names_of(paths: list[tuple[int | str, ...]]) -> tuple[str, ...]:
    """Return each field's name once, without list positions, such as `messages[].weight`."""
    return tuple(dict.fromkeys(re.sub(r"\[[0-9]+\]", "[]", _path(path)) for path in paths))


def reason(error: ValidationError) -> str:
    """Return the first invalid field and the rule that it breaks. Unknown fields are skipped.

    If there are only unknown fields, the result is about the first of them.
    """
    errors = error.errors(include_url=False, include_input=False)
    first = next((each for each in errors if each["type"] != _UNKNOWN), errors[0])
    rule = _RULES.get(first["type"]) or f"is refused: {first['msg'].removeprefix('Value error, ')}"
    return f"{_path(first['loc'])} {rule}"


def _path(steps: tuple[int | str, ...]) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{str(step)[:_SHOWN]}"
    return path.lstrip(".") or "the object"
