"""Parses JSON with comments and trailing commas, and records the position of each value.

With these positions, an edit of one value can leave the rest of the text unchanged.
"""

import json
import re
from typing import Final, Literal, NoReturn, TypeAlias

from msgspec import Struct

DEPTH: Final = 100
"""The maximum nesting depth. A typical configuration of a host has four levels."""

BOM: Final = "\ufeff"
"""The byte order mark, which some Windows editors write at the start of a file."""

Kind: TypeAlias = Literal["object", "array", "scalar"]

_BLANK: Final = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"')
_SCALAR: Final = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_CLOSING: Final = {"object": "}", "array": "]"}


class MalformedError(ValueError):
    """A configuration cannot be parsed or edited.

    `str()` gives the reason as a clause, such as `it is not valid TOML`.
    """


class Value(Struct, frozen=True):
    """A JSON value and its position in the text.

    Attributes:
        kind: the type of the value.
        start: the offset of the value's first character, in characters from the start of the text.
        end: the offset after the value's last character.
        items: the members of an object or the elements of an array, in order.
        data: the value as a Python object. If members of an object have the same name, the Python
            object has only the last of them.
    """

    kind: Kind
    start: int
    end: int
    items: "tuple[Member, ...]"
    data: object


class Member(Struct, frozen=True):
    """A member of a JSON object or an element of an array, and its position in the text.

    Attributes:
        name: the member's name; empty for an element.
        start: the offset of the first character of the name or, in an array, of the value.
        value: the value of the member or element.
        comma: the offset of the comma after the value; None if no comma follows.
    """

    name: str
    start: int
    value: Value
    comma: int | None


def parse(text: str) -> Value:
    """Return the value in a text; comments and trailing commas are ignored.

    Raises:
        MalformedError: the text is not exactly one value, or is nested deeper than `DEPTH`.
    """
    value = _value(text, _skip(text, len(BOM) if text.startswith(BOM) else 0), DEPTH)
    if (end := _skip(text, value.end)) != len(text):
        _refuse(text, end)
    return value


def _value(text: str, start: int, depth: int) -> Value:
    if not depth:
        _refuse(text, start)
    if text.startswith("{", start):
        return _collection(text, start, "object", depth)
    if text.startswith("[", start):
        return _collection(text, start, "array", depth)
    match = _STRING.match(text, start) or _SCALAR.match(text, start)
    if match is None:
        _refuse(text, start)
    return Value("scalar", start, match.end(), (), json.loads(match[0]))


def _collection(text: str, start: int, kind: Literal["object", "array"], depth: int) -> Value:
    items: list[Member] = []
    at = _skip(text, start + 1)
    while not text.startswith(_CLOSING[kind], at):
        if items and items[-1].comma is None:
            _refuse(text, at)
        name, first = "", at
        if kind == "object":
            name, at = _name(text, at)
        value = _value(text, at, depth - 1)
        at = _skip(text, value.end)
        comma = at if text.startswith(",", at) else None
        items.append(Member(name, first, value, comma))
        at = at if comma is None else _skip(text, comma + 1)
    data: object = [item.value.data for item in items]
    if kind == "object":
        data = {item.name: item.value.data for item in items}
    return Value(kind, start, at + 1, tuple(items), data)


def _name(text: str, at: int) -> tuple[str, int]:
    match = _STRING.match(text, at)
    if match is None:
        _refuse(text, at)
    colon = _skip(text, match.end())
    if not text.startswith(":", colon):
        _refuse(text, colon)
    return json.loads(match[0]), _skip(text, colon + 1)


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _refuse(text: str, at: int) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    raise MalformedError(f"it is not valid JSON from line {line}, column {column} on")
