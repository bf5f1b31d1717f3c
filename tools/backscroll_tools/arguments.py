"""Arguments from agents: JSON Schema without coercion, and errors that say how to mend a call.

Two rules go beyond the published schemas, which stay short because models pay for them: ids
and cursors have their alphabets, and no string may hold NUL or a lone surrogate.
"""

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.tool import Tool

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

_ID: Final = r"[A-Za-z0-9_][A-Za-z0-9_.=-]{0,255}"
_PATTERNS: Final = {
    **dict.fromkeys(("thread_id", "message_id", "completion_id", "run_id", "after", "before"), _ID),
    "cursor": r"[A-Za-z0-9_.=~-]{1,2048}",
    "idempotency_key": r"[\x21-\x7e]{1,255}",
}
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
_ERRORS: Final = 3
"""How many flaws one error names."""

_SHOWN: Final = 40
"""How many characters of a refused value an error repeats."""


def validated(tool: Tool, arguments: Mapping[str, object]) -> JSON:
    """Return the arguments as the tool takes them: absent for null, integers as `int`.

    Raises:
        ToolError: `invalid_arguments`, naming each argument that does not fit and the rule.
    """
    optional = cast("Mapping[str, object]", tool.input_schema["properties"]).keys() - set(
        cast("list[str]", tool.input_schema.get("required", []))
    )
    given: JSON = {
        name: value for name, value in arguments.items() if not (value is None and name in optional)
    }
    flaws = [_sentence(error, tool) for error in _first(_validator(tool).iter_errors(given))]
    flaws = flaws or list(_unfit(given))
    if flaws:
        raise invalid_arguments(" ".join(flaws[:_ERRORS]), f"Mend the call. {_usage(tool)}")
    return {name: _integer(value) for name, value in given.items()}


def _first(errors: "Iterator[ValidationError]") -> "list[ValidationError]":
    return sorted(errors, key=lambda error: [str(step) for step in error.absolute_path])[:_ERRORS]


@functools.cache
def _validator_class() -> "type[Validator]":
    from jsonschema import Draft202012Validator, ValidationError, validators

    def whole_pattern(
        _validator: object, pattern: str, instance: object, _schema: object
    ) -> "Iterator[ValidationError]":
        # Python's `$` also matches before a final newline, which no id may hold.
        if isinstance(instance, str) and re.fullmatch(pattern, instance) is None:
            yield ValidationError("pattern")

    extend: Callable[..., type[Validator]] = validators.extend
    return extend(Draft202012Validator, {"pattern": whole_pattern})


@functools.cache
def _validator(tool: Tool) -> "Validator":
    properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
    strict = {
        name: {**rules, "pattern": _PATTERNS[name]} if name in _PATTERNS else rules
        for name, rules in properties.items()
    }
    return _validator_class()({**tool.input_schema, "properties": strict})


def _sentence(error: "ValidationError", tool: Tool) -> str:
    """Say in one sentence which argument breaks which rule."""
    path = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
    ).lstrip(".")
    rule, instance = error.validator_value, cast("JSON", error.instance)
    match error.validator:
        case "required":
            missing = next(name for name in cast("list[str]", rule) if name not in instance)
            return f"{path + '.' if path else ''}{missing} is required."
        case "additionalProperties" if isinstance(rule, bool):
            known = cast("Mapping[str, object]", error.schema)["properties"]
            unknown = sorted(set(instance) - set(cast("JSON", known)))
            names = ", ".join(_shown(name) for name in unknown[:_ERRORS])
            return f"{path or tool.name} has no argument {names}."
        case "type":
            return f"{path} must be {_types(rule)}, not {_kind(error.instance)}."
        case "enum":
            allowed = " or ".join(json.dumps(value) for value in cast("list[object]", rule))
            return f"{path} must be {allowed}, not {_shown(error.instance)}."
        case "minimum" | "maximum":
            schema = cast("JSON", error.schema)
            low, high = schema["minimum"], schema["maximum"]
            return f"{path} must be from {low} to {high}, not {_shown(error.instance)}."
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "maxProperties":
            return f"{path} must have {_LENGTHS[error.validator]} {rule} {_units(error.instance)}."
        case "pattern":
            return f"{path} must match ^{rule}$, which {_shown(error.instance)} does not."
        case _:
            return f"{path or 'The call'} breaks the rule {error.validator}: {_shown(rule)}."


_LENGTHS: Final = {
    "minLength": "at least",
    "minItems": "at least",
    "maxLength": "at most",
    "maxItems": "at most",
    "maxProperties": "at most",
}


def _units(value: object) -> str:
    if isinstance(value, str):
        return f"characters; it has {len(value)}"
    return f"entries; it has {len(cast('JSON', value))}"


def _types(rule: object) -> str:
    names = [rule] if isinstance(rule, str) else cast("list[str]", rule)
    return " or ".join(_TYPES.get(name, name) for name in names)


_TYPES: Final = {
    "integer": "an integer",
    "string": "a string",
    "object": "an object",
    "array": "an array",
}


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool() | int() | float():
            return _shown(value)
        case str():
            return f"the string {_shown(value)}"
        case list():
            return "an array"
        case _:
            return "an object"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _usage(tool: Tool) -> str:
    names = ", ".join(cast("JSON", tool.input_schema["properties"]))
    return f"{tool.name} takes {names}."


def _integer(value: object) -> object:
    """Return 20.0 as 20: to JSON Schema they are the same integer (core, 4.2.3)."""
    return int(value) if isinstance(value, float) else value


def _unfit(value: object, path: str = "") -> Iterator[str]:
    """Name the strings that no upstream can store unaltered."""
    match value:
        case str() if found := _UNFIT.search(value):
            what = "a NUL character" if found.group() == "\x00" else "a lone surrogate"
            yield f"{path} holds {what} at character {found.start()}; leave it out."
        case dict():
            for key, inner in cast("JSON", value).items():
                name = f"{path}.{key}" if path else key
                yield from _unfit(key, f"A key of {path}")
                yield from _unfit(inner, name)
        case list():
            for index, inner in enumerate(cast("list[object]", value)):
                yield from _unfit(inner, f"{path}[{index}]")
        case _:
            pass
