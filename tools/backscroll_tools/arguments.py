"""Arguments from agents: JSON Schema without coercion, and errors that say how to mend a call.

Two rules go beyond the published schemas, which stay short because models pay for them: ids
and cursors have their alphabets, and no string may hold NUL or a lone surrogate.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, cast

from backscroll_tools.errors import invalid_arguments
from backscroll_tools.models import JSON
from backscroll_tools.tool import Tool

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

_ID: Final = {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_.=-]*$", "maxLength": 256}
_STRICTER: Final[Mapping[str, JSON]] = {
    **dict.fromkeys(("thread_id", "message_id", "completion_id", "run_id", "after", "before"), _ID),
    "cursor": {"pattern": "^[A-Za-z0-9_.=~-]+$", "maxLength": 2048},
    "idempotency_key": {"pattern": r"^[\x21-\x7e]+$", "maxLength": 255},
}
"""Lengths stand outside the patterns, whose compiled form would be a megabyte larger for each."""

_IN_WORDS: Final = {
    **dict.fromkeys(
        _STRICTER, "an id (1 to 256 letters, digits, _ . = or -, the first a letter, a digit or _)"
    ),
    "cursor": "page.next_cursor of an earlier page, copied exactly",
    "idempotency_key": "1 to 255 visible ASCII characters",
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
    flaws = list(_unfit(given))  # a lone surrogate would be no JSON to validate
    if not flaws:
        errors = _validator(tool).iter_errors(given)
        flaws = [flaw.sentence(tool) for flaw in _first(errors, given)]
    if flaws:
        raise invalid_arguments(" ".join(flaws[:_ERRORS]), f"Mend the call. {_usage(tool)}")
    return {name: _integer(value) for name, value in given.items()}


def _first(errors: "Iterator[ValidationError]", given: JSON) -> list["_Flaw"]:
    """Return the first flaw of each of the first arguments, by name."""
    by_path: dict[str, _Flaw] = {}
    for error in errors:
        flaw = _Flaw.of(error, given)
        by_path.setdefault(flaw.path, flaw)
    return [by_path[path] for path in sorted(by_path)][:_ERRORS]


def _inside(path: str, step: object) -> str:
    """Return the path of an entry; a key that is no plain name is quoted and bounded."""
    if isinstance(step, str) and _PLAIN.fullmatch(step):
        return f"{path}.{step}" if path else step
    return f"{path}[{_shown(step)}]"


def _entry(value: object, step: str | int) -> object:
    return cast("JSON", value)[cast("str", step)]


@functools.cache
def _validator(tool: Tool) -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator

    properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
    strict = {name: {**rules, **_STRICTER.get(name, {})} for name, rules in properties.items()}
    return Draft202012Validator({**tool.input_schema, "properties": strict})


@dataclass(frozen=True, slots=True)
class _Flaw:
    """Where which value breaks which rule."""

    path: str
    keyword: str
    rule: JSON
    value: object

    @classmethod
    def of(cls, error: "ValidationError", given: JSON) -> Self:
        # The value as it was sent: the error has it as JSON, in which there is no NaN.
        value = functools.reduce(_entry, error.instance_path, cast("object", given))
        path = functools.reduce(_inside, error.instance_path, "")
        kind = error.kind
        if kind.name != "propertyNames":
            return cls(path, kind.name, kind.as_dict(), value)
        inner = cast("ValidationError", kind.as_dict()["error"])
        return cls(f"A key of {path}", inner.kind.name, inner.kind.as_dict(), inner.instance)

    def sentence(self, tool: Tool) -> str:
        """Say it in one sentence."""
        path, rule = self.path, self.rule
        match self.keyword:
            case "required":
                return f"{path + '.' if path else ''}{rule['property']} is required."
            case "additionalProperties":
                unknown = sorted(cast("list[str]", rule["unexpected"]))
                names = ", ".join(_shown(name) for name in unknown[:_ERRORS])
                return f"{path or tool.name} has no argument {names}."
            case "type":
                return f"{path} must be {_types(rule['types'])}, not {_kind(self.value)}."
            case "enum":
                allowed = " or ".join(json.dumps(value) for value in rule["options"])
                return f"{path} must be {allowed}, not {_shown(self.value)}."
            case "minimum" | "maximum":
                properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
                low, high = properties[path]["minimum"], properties[path]["maximum"]
                return f"{path} must be from {low} to {high}, not {_shown(self.value)}."
            case "pattern" | "maxLength" if path in _IN_WORDS:
                return f"{path} must be {_IN_WORDS[path]}, not {_shown(self.value)}."
            case "minLength" | "minItems" if rule["limit"] == 1:
                return f"{path} must not be empty."
            case "minLength" | "maxLength" | "minItems" | "maxItems" | "maxProperties":
                bound = f"{_LENGTHS[self.keyword]} {rule['limit']} {_units(self.value)}"
                return f"{path} must have {bound}."
            case _:
                return f"{path or 'The call'} breaks the rule {self.keyword}: {_shown(rule)}."


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
