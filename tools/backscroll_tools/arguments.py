"""Validates agents' arguments by JSON Schema, with errors that say how to fix the call.

Types are not converted. Three rules are not in the published schemas, to save tokens: ids and
cursors have restricted alphabets, lists have at most 1,000 entries, and strings contain neither NUL
nor a lone surrogate.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, cast

from backscroll_tools.errors import invalid_arguments
from backscroll_tools.flaws import ERRORS, Flaw, Validate, entry_path, unknown_arguments, validator
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import CHARS as CURSOR_CHARS
from backscroll_tools.tool import Tool

_ID: Final = {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_.=-]*$", "maxLength": 256}
_STRICTER: Final[Mapping[str, JSON]] = {
    **dict.fromkeys(("thread_id", "message_id", "completion_id", "run_id", "after", "before"), _ID),
    "cursor": {"pattern": "^[A-Za-z0-9_.=~-]+$", "maxLength": CURSOR_CHARS},
    "idempotency_key": {"pattern": r"^[\x21-\x7e]+$", "maxLength": 255},
    "content": {"maxItems": 1000},
    "attachments": {"maxItems": 1000},
}

_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


def validated(tool: Tool, arguments: Mapping[str, object]) -> JSON:
    """Return valid arguments for the tool, without optional nulls and with 20.0 as 20.

    Raises:
        ToolError: `invalid_arguments`, with the first three flaws.
    """
    optional = cast("Mapping[str, object]", tool.input_schema["properties"]).keys() - set(
        cast("list[str]", tool.input_schema.get("required", []))
    )
    given: JSON = {
        name: value for name, value in arguments.items() if not (value is None and name in optional)
    }
    flaws = _flaws(tool, given)
    if not flaws and _may_be_unfit(given):
        flaws = list(islice(_unfit(given), ERRORS))
    if flaws:
        raise invalid_arguments(" ".join(flaws), f"Fix the call. {_usage(tool)}")
    return {name: _integer(value) for name, value in given.items()}


def _flaws(tool: Tool, given: JSON) -> list[str]:
    """Return up to three sentences: on unknown arguments, then on each invalid argument."""
    properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
    required = cast("list[str]", tool.input_schema.get("required", []))
    flaws: list[str] = []
    if unknown := given.keys() - properties.keys():
        flaws.append(unknown_arguments(tool.name, unknown))
    for name in sorted({*required, *given} & properties.keys()):
        if name not in given:
            flaws.append(f"{name} is required.")
        elif flaw := _flaw(tool, name, given[name]):
            flaws.append(flaw.sentence())
    return flaws[:ERRORS]


def _flaw(tool: Tool, name: str, value: object) -> Flaw | None:
    """Return the first flaw of an argument, or None if it is valid."""
    from fastjsonschema import JsonSchemaValueException

    try:
        _check(tool, name)(value)
    except JsonSchemaValueException as error:
        return Flaw.of(error, name, value)
    return None


@functools.cache
def _check(tool: Tool, name: str) -> Validate:
    properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
    return validator({**properties[name], **_STRICTER.get(name, {})})


def _usage(tool: Tool) -> str:
    names = ", ".join(cast("JSON", tool.input_schema["properties"]))
    return f"{tool.name} takes {names}."


def _integer(value: object) -> object:
    """Return 20.0 as 20, which is the same integer in JSON Schema (core, section 4.2.3)."""
    return int(value) if isinstance(value, float) else value


def _may_be_unfit(given: JSON) -> bool:
    """Whether `_unfit` may find a flaw; a quick check of all strings together."""
    text = json.dumps(given, ensure_ascii=False, default=str)
    return "\\u0000" in text or _UNFIT.search(text) is not None


def _unfit(value: object, path: str = "") -> Iterator[str]:
    """Yield a sentence for each string that some upstream cannot store unchanged."""
    match value:
        case str() if found := _UNFIT.search(value):
            what = "a NUL character" if found.group() == "\x00" else "a lone surrogate"
            yield f"{path} contains {what} at character {found.start()}; remove it."
        case dict():
            for key, inner in cast("JSON", value).items():
                yield from _unfit(key, f"A key of {path}" if path else "An argument's name")
                yield from _unfit(inner, entry_path(path, key))
        case list():
            for index, inner in enumerate(cast("list[object]", value)):
                yield from _unfit(inner, entry_path(path, index))
        case _:
            pass
