"""Validates agents' arguments by JSON Schema, with errors that say how to fix the call.

Types are not converted: the string `"20"` is not accepted as a number. The published schemas omit
some rules, to save tokens and because not every host accepts them. This module enforces the omitted
rules: a call has no unknown arguments, ids and cursors contain only certain characters, and texts
and lists have a maximum length. Strings contain neither NUL nor a lone surrogate, except in a
query, which may be any text. Metadata may also be an object, which the published schemas do not
allow.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, cast

from backscroll_tools import schemas
from backscroll_tools.errors import invalid_arguments
from backscroll_tools.id_kinds import reader_of, wrong_kind
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import CHARS as CURSOR_CHARS
from backscroll_tools.render import WHOLE_IDS
from backscroll_tools.schemas import (
    CONTENT_CHARS,
    CONTEXT_MAX,
    LAST_CHARS_MAX,
    MESSAGES_MAX,
    METADATA_KEY_CHARS,
    METADATA_PAIRS,
    METADATA_VALUE_CHARS,
)
from backscroll_tools.tool import Tool
from backscroll_tools.violations import (
    ERRORS,
    Validate,
    Violation,
    entry_path,
    unknown_arguments,
    validator,
)

_ID: Final = {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_.=-]*$", "maxLength": 256}
_ID_OR_SHORT_ID: Final = _ID | {"pattern": "^(?:[A-Za-z0-9_]|~[A-Za-z0-9_.=-])[A-Za-z0-9_.=-]*$"}
_ID_ARGUMENTS: Final = (
    "thread_id",
    "message_id",
    "completion_id",
    "response_id",
    "conversation_id",
    "run_id",
    "assistant_id",
    "file_id",
    "step_id",
    "vector_store_id",
)
_METADATA: Final[JSON] = {
    "type": ["array", "object"],
    "maxItems": METADATA_PAIRS,
    "items": schemas.arguments(
        {
            "key": {"type": "string", "maxLength": METADATA_KEY_CHARS},
            "value": {"type": "string", "maxLength": METADATA_VALUE_CHARS},
        },
        ("key", "value"),
    ),
    "maxProperties": METADATA_PAIRS,
    "propertyNames": {"maxLength": METADATA_KEY_CHARS},
    "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE_CHARS},
}
_OPEN: Final[JSON] = {"additionalProperties": True}
_PART: Final = schemas.arguments(
    {
        "type": {"type": "string", "enum": ["text", "image_file", "image_url"]},
        "text": {"type": "string", "maxLength": CONTENT_CHARS},
        # Unknown members are allowed, because the API also accepts `detail`. The published schema
        # omits `detail` to save tokens.
        "image_file": _OPEN | schemas.arguments({"file_id": schemas.STRING}),
        "image_url": _OPEN | schemas.arguments({"url": schemas.STRING}),
    },
    ("type",),
)
_MESSAGES: Final[JSON] = {
    "maxItems": MESSAGES_MAX,
    "items": schemas.arguments(
        {
            "role": {"type": "string", "enum": ["user", "assistant"]},
            "content": {"type": "string", "minLength": 1, "maxLength": CONTENT_CHARS},
        },
        ("role", "content"),
    ),
}
_RULES: Final[Mapping[str, JSON]] = {
    **dict.fromkeys(_ID_ARGUMENTS, _ID),
    **dict.fromkeys(("after", "before", "around"), _ID),
    "id": {"pattern": "^[!-~]+$", "maxLength": 256},
    "parent_id": {"pattern": "^[!-~]+$", "maxLength": 513},
    "cursor": {"pattern": "^[A-Za-z0-9_.=~-]+$", "maxLength": CURSOR_CHARS},
    "idempotency_key": {"pattern": r"^[\x21-\x7e]+$", "maxLength": 255},
    "content": {"maxLength": CONTENT_CHARS},
    "context": {"minimum": 0, "maximum": CONTEXT_MAX},
    "last_chars": {"minimum": 1, "maximum": LAST_CHARS_MAX},
    "parts": {"maxItems": 1000, "items": _PART},
    "attachments": {"maxItems": 1000},
    "metadata": _METADATA,
    "messages": _MESSAGES,
}
"""The rules that the published schemas omit or define differently, by the argument's name."""

_SHORT_ID: Final = re.compile("~[A-Za-z0-9_.=-]{1,255}")
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


def validated(tool: Tool, arguments: Mapping[str, object]) -> JSON:
    """Return a call's arguments if they are valid. Metadata becomes an object, and 20.0 becomes 20.

    Some hosts convert schemas to strict ones, in which every argument is required. Then models also
    fill in arguments that they do not need. So optional arguments that are null or empty count as
    missing.

    Args:
        tool: the called tool.
        arguments: the arguments, as the host sent them.

    Raises:
        ToolError: `invalid_arguments`, with the first three violations.
    """
    required = cast("list[str]", tool.input_schema.get("required", []))
    filled = {name: value for name, value in arguments.items() if value != "" or name in required}
    given = cast("JSON", _without_nulls(tool.input_schema, filled))
    violations = _violations(tool, given)
    stored = {name: value for name, value in given.items() if name != "query"}
    if not violations and _may_be_unfit(stored):
        violations = list(islice(_unfit(stored), ERRORS))
    if violations:
        error = invalid_arguments(" ".join(violations), f"Fix the call. {_usage(tool)}")
        wrong = [value for name, value in given.items() if wrong_kind(name, value, tool.toolset)]
        if wrong and len(violations) == 1:
            error.taken_by = reader_of(wrong[0])
        raise error
    return {
        name: _map(value) if name == "metadata" else _integer(value)
        for name, value in given.items()
        if value not in ([], {}) or name in required
    }


def _without_nulls(schema: Mapping[str, object], value: object) -> object:
    """Return a value without the optional members that are null."""
    match value:
        case dict() if "properties" in schema:
            members = cast("Mapping[str, JSON]", schema["properties"])
            optional = members.keys() - set(cast("list[str]", schema.get("required", [])))
            return {
                name: _without_nulls(members.get(name, {}), inner)
                for name, inner in cast("JSON", value).items()
                if inner is not None or name not in optional
            }
        case list() if "items" in schema:
            entry = cast("JSON", schema["items"])
            return [_without_nulls(entry, inner) for inner in cast("list[object]", value)]
        case _:
            return value


def _violations(tool: Tool, given: JSON) -> list[str]:
    """Return up to three sentences: one about unknown arguments, and one per invalid argument."""
    properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
    required = cast("list[str]", tool.input_schema.get("required", []))
    violations: list[str] = []
    if unknown := given.keys() - properties.keys():
        violations.append(unknown_arguments(tool.name, unknown))
    for name in sorted({*required, *given} & properties.keys()):
        if name not in given:
            violations.append(f"{name} is required.")
        elif _is_short_id(name, given[name]) and name not in tool.short_ids:
            violations.append(f"{name} must be a whole id, not {given[name]}. {WHOLE_IDS}")
        elif violation := _violation(tool, name, given[name]):
            violations.append(violation.sentence())
        elif sentence := wrong_kind(name, given[name], tool.toolset):
            violations.append(sentence)
        elif name == "metadata" and len(_map(given[name])) < len(given[name]):
            violations.append("metadata has two pairs with the same key.")
    return violations[:ERRORS]


def _violation(tool: Tool, name: str, value: object) -> Violation | None:
    """Return the first violation of an argument, or None if it is valid."""
    from fastjsonschema import JsonSchemaValueException

    try:
        _check(tool, name)(value)
    except JsonSchemaValueException as error:
        return Violation.of(error, name, value)
    return None


@functools.cache
def _check(tool: Tool, name: str) -> Validate:
    properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
    rules = _ID_OR_SHORT_ID if name in tool.short_ids else _RULES.get(name, {})
    return validator(_closed({**properties[name], **rules}))


def _is_short_id(name: str, value: object) -> bool:
    """Whether an argument that takes a message's id is a short id, such as `~x7Kd2`."""
    short = isinstance(value, str) and _SHORT_ID.fullmatch(value) is not None
    return short and name in {"message_id", "around"}


def _closed(rules: JSON) -> JSON:
    """Return a copy of the schema in which objects forbid members that the schema does not list."""
    closed = dict(rules)
    if "properties" in rules:
        members = cast("JSON", rules["properties"])
        closed["properties"] = {name: _closed(inner) for name, inner in members.items()}
        closed.setdefault("additionalProperties", False)
    if "items" in rules:
        closed["items"] = _closed(rules["items"])
    return closed


def _usage(tool: Tool) -> str:
    names = ", ".join(cast("JSON", tool.input_schema["properties"]))
    return f"{tool.name} takes {names}."


def _map(metadata: JSON | list[JSON]) -> JSON:
    """Return metadata as an object. It may be an object already, or a list of pairs."""
    if isinstance(metadata, dict):
        return metadata
    return {pair["key"]: pair["value"] for pair in metadata}


def _integer(value: object) -> object:
    """Convert a float to an integer: in JSON Schema, 20.0 is the integer 20 (core, 4.2.3)."""
    return int(value) if isinstance(value, float) else value


def _may_be_unfit(given: JSON) -> bool:
    """Whether `_unfit` may find a violation. This is a quick check of all strings together."""
    text = json.dumps(given, ensure_ascii=False, default=str)
    return "\\u0000" in text or _UNFIT.search(text) is not None


def _unfit(value: object, path: str = "") -> Iterator[str]:
    """Yield a sentence for each string that some upstreams cannot store unchanged."""
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
