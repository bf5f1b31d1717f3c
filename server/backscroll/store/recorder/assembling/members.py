"""Changes members of JSON objects in their text, and leaves every other character as it is."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


class Member(NamedTuple):
    """A member of an object: its name, its value, and where the text of its value is."""

    name: str
    value: Any
    start: int
    end: int


class Edit(NamedTuple):
    """A text that replaces the characters from `start` to `end`."""

    start: int
    end: int
    text: str


def members(text: str, start: int = 0) -> list[Member] | None:
    """Return the members of the object that begins at `start`, or None if it is no object."""
    try:
        return list(_scan(text, start))
    except (ValueError, IndexError, RecursionError):
        return None


def objects_in(text: str, array: Member) -> Iterator[list[Member]]:
    """Yield the members of each object in an array, which is the value of a member."""
    position = _expect(text, array.start, "[")
    for value in array.value:
        if isinstance(value, dict):
            yield list(_scan(text, position))
        _, end = _DECODER.raw_decode(text, position)
        position = _skip(text, _skip(text, end) + 1)


def replacement(member: Member, value: object) -> Edit:
    """Return the edit after which a member has this value."""
    return Edit(member.start, member.end, _text(value))


def replacements(
    text: str, start: int, found: list[Member], fields: Mapping[str, Any]
) -> list[Edit]:
    """Return the edits after which an object has these fields.

    A member that has the value already is left as it is, and one that is missing is added in front.

    Args:
        text: the text with the object.
        start: where the object begins.
        found: its members.
        fields: the names and the values that it is to have.
    """
    edits = [
        replacement(each, fields[each.name])
        for each in found
        if each.name in fields and not _is_same(each.value, fields[each.name])
    ]
    names = {each.name for each in found}
    missing = [f"{_text(name)}:{_text(fields[name])}" for name in fields if name not in names]
    if missing:
        inside = _SPACE.match(text, start)
        after = inside.end() + 1 if inside else start + 1
        edits.append(Edit(after, after, ",".join(missing) + ("," if found else "")))
    return edits


def edited(text: str, edits: list[Edit]) -> str:
    """Return `text` with these edits, which do not overlap."""
    pieces, position = [], 0
    for edit in sorted(edits):
        pieces += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join((*pieces, text[position:]))


def _scan(text: str, start: int) -> Iterator[Member]:
    position = _expect(text, start, "{")
    if text[position] == "}":
        return
    while True:
        name, end = _DECODER.raw_decode(text, position)
        if not isinstance(name, str):
            message = "expected a name"
            raise ValueError(message)  # noqa: TRY004 - as for any other text that is no object
        position = _expect(text, end, ":")
        value, end = _DECODER.raw_decode(text, position)
        yield Member(name, value, position, end)
        position = _skip(text, end)
        if text[position] == "}":
            return
        position = _expect(text, position, ",")


def _skip(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _expect(text: str, position: int, mark: str) -> int:
    """Return the position after `mark` and the white space around it."""
    position = _skip(text, position)
    if text[position] != mark:
        message = f"expected {mark}"
        raise ValueError(message)
    return _skip(text, position + 1)


def _is_same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
