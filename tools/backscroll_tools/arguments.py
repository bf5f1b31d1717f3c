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
_IN_WORDS: Final = {
    _ID: "an id (1 to 256 letters, digits, _ . = or -, the first a letter, a digit or _)",
    _PATTERNS["cursor"]: "page.next_cursor of an earlier page, copied exactly",
    _PATTERNS["idempotency_key"]: "1 to 255 visible ASCII characters",
}
_PLAIN: Final = re.compile(r"\w{1,40}", re.ASCII)
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
    """Return the first flaw of each of the first arguments, by name."""
    by_path = {_path(error): error for error in reversed(list(errors))}
    return [by_path[path] for path in sorted(by_path)][:_ERRORS]


def _path(error: "ValidationError") -> str:
    path = functools.reduce(_inside, error.absolute_path, "")
    return f"A key of {path}" if "propertyNames" in error.absolute_schema_path else path


def _inside(path: str, step: object) -> str:
    """Return the path of an entry; a key that is no plain name is quoted and bounded."""
    if isinstance(step, str) and _PLAIN.fullmatch(step):
        return f"{path}.{step}" if path else step
    return f"{path}[{_shown(step)}]"


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
    path = _path(error)
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
        case "minLength" | "minItems" if rule == 1:
            return f"{path} must not be empty."
        case "minLength" | "maxLength" | "minItems" | "maxItems" | "maxProperties":
            return f"{path} must have {_LENGTHS[error.validator]} {rule} {_units(error.instance)}."
        case "pattern":
            return f"{path} must be {_IN_WORDS[str(rule)]}, not {_shown(error.instance)}."
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
    if isinstance(value, str) and len(value) > _SHOWN:
        return f'{json.dumps(value[:_SHOWN])[:-1]}…"'
    text = json.dumps(value, default=str)
    return text if isinstance(value, str) or len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


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
                yield from _unfit(key, f"A key of {path}" if path else "An argument's name")
                yield from _unfit(inner, _inside(path, key))
        case list():
            for index, inner in enumerate(cast("list[object]", value)):
                yield from _unfit(inner, _inside(path, index))
        case _:
            pass
