"""Describes how a value violates a schema, in a sentence that tells a model how to fix it."""

import json
import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, cast

from msgspec import Struct

from backscroll_tools.models import JSON

if TYPE_CHECKING:
    from fastjsonschema import JsonSchemaValueException

Validate: TypeAlias = Callable[[object], object]

_IN_WORDS: Final = {
    **dict.fromkeys(
        (
            *("thread_id", "message_id", "completion_id", "response_id", "conversation_id"),
            *("run_id", "step_id", "assistant_id", "file_id", "vector_store_id"),
            *("after", "before", "around"),
        ),
        "an id (1 to 256 letters, digits, _ . = or -, starting with a letter, a digit or _)",
    ),
    "cursor": "page.next_cursor of an earlier page, copied exactly",
    "id": "an id (1 to 256 visible ASCII characters)",
    "parent_id": "one or two ids, joined by / (1 to 513 visible ASCII characters)",
    "idempotency_key": "1 to 255 visible ASCII characters",
}
_PLAIN: Final = re.compile(r"\w{1,40}", re.ASCII)
ERRORS: Final = 3
"""The maximum number of violations that one error lists."""

_SHOWN: Final = 40
"""The maximum number of characters of an invalid value that an error quotes."""


def entry_path(path: str, step: object) -> str:
    """Return the path of an entry of an object or array: `path.name`, `path[0]` or `path["a b"]`.

    A key that is not a simple name is quoted, and cut to 40 characters.
    """
    if isinstance(step, str) and _PLAIN.fullmatch(step):
        return f"{path}.{step}" if path else step
    return f"{path}[{_shown(step)}]"


def validator(rules: JSON) -> Validate:
    """Return a function that raises `JsonSchemaValueException` if a value violates the schema."""
    from fastjsonschema import compile as compiled

    check: Validate = compiled(rules, use_default=False)
    return check


def _found(steps: str, path: str, value: object) -> tuple[str, object] | None:
    """Return the path and the value of the entry that an error of fastjsonschema names.

    The error's path cannot be split, because it contains keys that may have dots and brackets. So
    the path is compared with the keys of the value instead.

    Args:
        steps: the part of the error's path that follows the path of `value`.
        path: the path of `value`, as `entry_path` writes it.
        value: the value in which to follow `steps`.
    """
    if not steps:
        return path, value
    entries: Iterable[tuple[str, object, object]] = ()
    if isinstance(value, list):
        entries = ((f"[{at}]", at, inner) for at, inner in enumerate(cast("list[object]", value)))
    elif isinstance(value, dict):
        entries = ((f".{key}", key, inner) for key, inner in cast("JSON", value).items())
    inside = (
        _found(steps.removeprefix(step), entry_path(path, key), inner)
        for step, key, inner in entries
        if steps.startswith(step)
    )
    return next(filter(None, inside), None)


def _error_of(rules: JSON, value: object) -> "JsonSchemaValueException | None":
    """Return the error for a value that violates a schema, or None if it is valid."""
    from fastjsonschema import JsonSchemaValueException

    try:
        validator(rules)(value)
    except JsonSchemaValueException as error:
        return error
    return None


class Violation(Struct, frozen=True):
    """A value that violates a rule of a schema.

    Attributes:
        path: the path of the value.
        keyword: the schema keyword of the rule.
        rule: the keyword's value in the schema.
        value: the value that violates the rule.
        schema: the schema that contains the rule.
    """

    path: str
    keyword: str | None
    rule: Any
    value: object
    schema: JSON

    @classmethod
    def of(cls, error: "JsonSchemaValueException", name: str, value: object) -> Self:
        """Return the violation for an error that a function from `validator` raised.

        Args:
            error: the error.
            name: the name of the argument.
            value: the value of the argument.
        """
        steps = (error.name or "").removeprefix("data")
        path, value = _found(steps, name, value) or (name, error.value)
        if error.rule == "propertyNames":
            return cls._of_key(error.rule_definition, path, cast("JSON", value))
        return cls(path, error.rule, error.rule_definition, value, error.definition)

    @classmethod
    def _of_key(cls, rules: JSON, path: str, value: JSON) -> Self:
        key, error = next((key, error) for key in value if (error := _error_of(rules, key)))
        return cls(f"A key of {path}", error.rule, error.rule_definition, key, rules)

    def sentence(self) -> str:
        """Describe the violation in one sentence."""
        path, rule, value = self.path, self.rule, self.value
        match self.keyword:
            case "required":
                missing = next(name for name in rule if name not in cast("JSON", value))
                return f"{path}.{missing} is required."
            case "additionalProperties":
                return unknown_arguments(
                    path, cast("JSON", value).keys() - self.schema["properties"].keys()
                )
            case "type":
                return f"{path} must be {_types(rule)}, not {_kind(value)}."
            case "enum":
                allowed = " or ".join(json.dumps(value) for value in rule)
                return f"{path} must be {allowed}, not {_shown(value)}."
            case "minimum" | "maximum":
                low, high = self.schema["minimum"], self.schema["maximum"]
                return f"{path} must be from {low} to {high}, not {_shown(value)}."
            case "pattern" | "maxLength" if path in _IN_WORDS:
                return f"{path} must be {_IN_WORDS[path]}, not {_shown(value)}."
            case "minLength" | "minItems" if rule == 1:
                return f"{path} must not be empty."
            case "minLength" | "maxLength" | "minItems" | "maxItems" | "maxProperties":
                return f"{path} must have {_LENGTHS[self.keyword]} {rule} {_units(value)}."
            case _:
                return f"{path} violates the rule {self.keyword}: {_shown(rule)}."


def unknown_arguments(owner: str, names: AbstractSet[str]) -> str:
    """Return the sentence that says that `owner` does not accept the arguments `names`."""
    shown = ", ".join(_shown(name) for name in nsmallest(ERRORS, names))
    return f"{owner} has no argument {shown}."


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
