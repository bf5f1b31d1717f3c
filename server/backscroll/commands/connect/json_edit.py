"""Adds, changes or removes one member or element in JSON text, and changes no other character."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from backscroll.commands.connect.jsonc import BOM, MalformedError, Member, Value, parse

Edit: TypeAlias = tuple[int, int, str]
"""The start and end of a span, in characters, and the text that replaces it."""

_SPACE: Final = " \t\r\n"
_OPAQUE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\r\n]*|/\*.*?\*/', re.DOTALL)


def with_member(text: str, path: Sequence[str], value: object) -> str:
    """Return the text with an object's member set to a value. A missing member is added.

    Args:
        text: a JSON object, with or without comments, or blank.
        path: the names of the objects that contain the member, then the member's name. Missing
            objects are added.
        value: a value that `json` can write.

    Raises:
        MalformedError: the text is not JSON, or a value on the path is not an object.
    """
    text = _or_object(text)
    parent = parse(text)
    for depth, name in enumerate(path[:-1]):
        inner = _member(parent, name, path[:depth])
        if inner is None:
            for missing in reversed(path[depth + 1 :]):
                value = {missing: value}
            return _inserted(text, parent, name, value)
        parent = inner.value
    before = _member(parent, path[-1], path[:-1])
    if before is None:
        return _inserted(text, parent, path[-1], value)
    start, end = before.value.start, before.value.end
    indented = before.start == _line_start(text, before.start)
    rendered = _rendered(text, value, _margin(text, before.start) if indented else None)
    return _edited(text, [(start, end, rendered)])


def with_value(text: str, path: Sequence[str], value: object) -> str:
    """Return the text with a member set to a value. Parts that do not change keep their formatting.

    Args:
        text: as in `with_member`.
        path: as in `with_member`.
        value: as in `with_member`. If it is an object, only members with a changed value are
            edited.

    Raises:
        MalformedError: as in `with_member`.
    """
    found = _value_at(text, path)
    if found is None or found.kind != "object" or not isinstance(value, Mapping):
        return with_member(text, path, value)
    before = {item.name: item.value.data for item in found.items}
    for name in before.keys() - value.keys():
        text = without_member(text, (*path, name))
    for name, inner in value.items():
        if name not in before or before[name] != inner:
            text = with_value(text, (*path, name), inner)
    return text


def without_member(text: str, path: Sequence[str]) -> str:
    """Return the text without a member. The objects around it stay, even if they are now empty.

    Raises:
        MalformedError: as in `with_member`.
    """
    if not text.strip(_SPACE + BOM):
        return text
    parent = parse(text)
    for depth, name in enumerate(path[:-1]):
        inner = _member(parent, name, path[:depth])
        if inner is None:
            return text
        parent = inner.value
    before = _member(parent, path[-1], path[:-1])
    return text if before is None else _without(text, parent, before)


def with_element(
    text: str, name: str, value: object, is_ours: Callable[[object], bool] = lambda _: False
) -> str:
    """Return the text with a value added to the array in the member `name`.

    If there is no such member, it is added. If `is_ours` accepts an element of the array, the text
    is returned unchanged.

    Raises:
        MalformedError: the text is not a JSON object, or its member `name` is not an array.
    """
    text = _or_object(text)
    array = _array(text, name)
    if array is None:
        return with_member(text, [name], [value])
    if any(is_ours(item.value.data) for item in array.items):
        return text
    return _inserted(text, array, None, value)


def without_element(text: str, name: str, is_ours: Callable[[object], bool]) -> str:
    """Remove the first element that `is_ours` accepts from the array `name`; return the text.

    Raises:
        MalformedError: as in `with_element`.
    """
    array = _array(text, name) if text.strip(_SPACE + BOM) else None
    for item in array.items if array else ():
        if array and is_ours(item.value.data):
            return _without(text, array, item)
    return text


def _or_object(text: str) -> str:
    """Return the text, or an empty object if it is blank."""
    return text if text.strip(_SPACE + BOM) else f"{BOM if text.startswith(BOM) else ''}{{}}\n"


def _array(text: str, name: str) -> Value | None:
    found = _member(parse(text), name, ())
    if found is not None and found.value.kind != "array":
        raise MalformedError(f"{name!r} is not an array")
    return found.value if found else None


def _value_at(text: str, path: Sequence[str]) -> Value | None:
    """Return the value of the member at `path`, or None if the text has no such member."""
    value: Value | None = parse(_or_object(text))
    for depth, name in enumerate(path):
        found = _member(value, name, path[:depth]) if value else None
        value = found.value if found else None
    return value


def _member(parent: Value, name: str, path: Sequence[str]) -> Member | None:
    if parent.kind != "object":
        raise MalformedError(
            f"{path[-1]!r} is not an object" if path else "it is not a JSON object"
        )
    found = [item for item in parent.items if item.name == name]
    if len(found) > 1:
        raise MalformedError(f"it has {name!r} more than once")
    return found[0] if found else None


def _inserted(text: str, parent: Value, name: str | None, value: object) -> str:
    """Return the text with an item added at the end, formatted like its neighbours."""
    close = parent.end - 1
    tail = len(text[:close].rstrip(_SPACE))
    label = "" if name is None else f"{json.dumps(name, ensure_ascii=False)}: "
    items = parent.items
    if items and not {"\n", "\r"} & set(text[parent.start : parent.end]):
        added = f" {label}{_rendered(text, value, None)}"
    else:
        has_own_line = bool(items) and items[-1].start == _line_start(text, items[-1].start)
        outer = _margin(text, parent.start)
        margin = _margin(text, items[-1].start) if has_own_line else outer + _unit(text)
        line_end = _line_end(text)
        added = f"{line_end}{margin}{label}{_rendered(text, value, margin)}"
        if not items and "\n" not in text[tail:close]:
            added += f"{line_end}{outer}"
    if not items:
        return _edited(text, [(tail, tail, added)])
    if items[-1].comma is not None:
        return _edited(text, [(tail, tail, f"{added},")])
    last = items[-1].value.end
    return _edited(text, [(last, last, ","), (tail, tail, added)])


def _without(text: str, parent: Value, item: Member) -> str:
    index = parent.items.index(item)
    start, end = len(text[: item.start].rstrip(_SPACE)), item.value.end
    edits: list[Edit] = []
    if item.comma is not None:
        if text[end : item.comma].strip(_SPACE):
            edits.append((item.comma, item.comma + 1, ""))
        else:
            end = item.comma + 1
    elif index:
        comma = parent.items[index - 1].comma
        if comma is not None:
            edits.append((comma, comma + 1, ""))
    rest_of_line = text[end : parent.end].partition("\n")[0]
    followed = index + 1 < len(parent.items) or _ends_in_comment(text[parent.start : start])
    if followed and "\n" in text[start : item.start] and rest_of_line.strip(_SPACE):
        # Keep the line break before the item. Otherwise, if the line above the item ends in a `//`
        # comment, the text after the item would become part of that comment.
        start, end = item.start, end + len(rest_of_line) - len(rest_of_line.lstrip(_SPACE))
    if len(parent.items) == 1 and not text[parent.start + 1 : start].strip(_SPACE):
        rest = text[end : parent.end - 1]
        if not rest.strip(_SPACE):
            start, end = parent.start + 1, parent.end - 1
    return _edited(text, [*edits, (start, end, "")])


def _ends_in_comment(text: str) -> bool:
    """Return whether a text ends in a `//` comment. The text must not start inside a string."""
    end = 0
    for token in _OPAQUE.finditer(text):
        end = token.end() if token[0].startswith("//") else 0
    return bool(text) and end == len(text)


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for start, end, replacement in sorted(edits, key=lambda edit: edit[0])[::-1]:
        text = text[:start] + replacement + text[end:]
    return text


def _rendered(text: str, value: object, margin: str | None) -> str:
    """Return a value as JSON.

    Args:
        text: the text to which the value will be added. Its indentation and line ends are used.
        value: the value.
        margin: the indentation of all lines after the first; None to write only one line.
    """
    if margin is None:
        return json.dumps(value, ensure_ascii=False)
    lines = json.dumps(value, ensure_ascii=False, indent=_unit(text)).split("\n")
    return f"{_line_end(text)}{margin}".join(lines)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    """Return the indentation of one level in the text, or two spaces if that is unknown."""
    items = parse(text).items
    if items and items[0].start == _line_start(text, items[0].start):
        return _margin(text, items[0].start) or "  "
    return "  "


def _line_start(text: str, at: int) -> int:
    """Return the offset after the indentation of the line that contains the offset `at`."""
    start = text.rfind("\n", 0, at) + 1
    return start + len(text[start:]) - len(text[start:].lstrip(" \t"))


def _margin(text: str, at: int) -> str:
    """Return the indentation of the line that contains the offset `at`."""
    start = text.rfind("\n", 0, at) + 1
    return text[start : _line_start(text, at)].removeprefix(BOM)
