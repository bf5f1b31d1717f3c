"""Explains why an entry is refused, without quoting message text."""

from typing import Final

from pydantic import ValidationError

_SHOWN: Final = 64
_RULES: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not a known field",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
}


def reason(error: ValidationError) -> str:
    """Return the first problem: the field, and the rule that it violates."""
    first = error.errors(include_url=False, include_input=False)[0]
    rule = _RULES.get(first["type"]) or f"is refused: {first['msg'].removeprefix('Value error, ')}"
    return f"{_path(first['loc'])} {rule}"


def _path(steps: tuple[int | str, ...]) -> str:
    path = ""
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{str(step)[:_SHOWN]}"
    return path.lstrip(".") or "the object"
