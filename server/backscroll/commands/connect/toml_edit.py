"""Adds, changes or removes one table in TOML text, and changes no other character.

TOML libraries change other characters: tomlkit inserts a new table between a comment and the table
that the comment describes, and it changes line ends. So this module edits the text itself, and
parses it with `tomllib` before and after the edit.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from backscroll.commands.connect.jsonc import BOM, MalformedError

_TOKEN: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*|[\[\]{}\n]|.',
    re.DOTALL,
)
_HEADER: Final = re.compile(r"[ \t]*(\[[^\r\n]*)")
_BLANK_LINE: Final = re.compile(r"(?<=\n)\r?\n\Z")


def with_table(text: str, path: tuple[str, ...], value: Mapping[str, Any]) -> str:
    """Return the text with a table set to a value, or added at the end if it is missing.

    Lines and subtables that already have the right value stay unchanged, and so do comments.

    Args:
        text: TOML.
        path: the parts of the table's name, without dots.
        value: the content of the table: strings, numbers, booleans, lists and tables.

    Raises:
        MalformedError: the text is not TOML, or the table in it cannot be edited.
    """
    line_end = _line_end(text)
    if _value_at(_data(text), path) is not None:
        start, end = _span(text, path)
        edited = text[:start] + _updated(text[start:end], path, value, line_end) + text[end:]
    else:
        block = "".join(_lines(path, value)).replace("\n", line_end)
        body = text.removeprefix(BOM)
        if body and not body.endswith("\n"):
            text += line_end
        edited = text + (line_end if body else "") + block
    if _value_at(_edited_data(edited), path) != value:
        raise MalformedError(f"the table {'.'.join(path)} cannot be added")
    return edited


def without_table(text: str, path: tuple[str, ...]) -> str:
    """Return the text without a table and the blank line before the table.

    Raises:
        MalformedError: as in `with_table`.
    """
    data = _data(text)
    if _value_at(data, path) is None:
        return text
    start, end = _span(text, path)
    blank_line = _BLANK_LINE.search(text, 0, start)
    start = blank_line.start() if blank_line else start
    edited = text[:start] + text[end:]
    if _value_at(_edited_data(edited), path) is not None:
        raise MalformedError(f"the table {'.'.join(path)} has a form that cannot be edited")
    return edited


def _data(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text.removeprefix(BOM))
    except tomllib.TOMLDecodeError as error:
        raise MalformedError(f"it is not valid TOML: {error}") from None


def _edited_data(text: str) -> dict[str, Any]:
    try:
        return _data(text)
    except MalformedError as error:
        raise MalformedError(f"the table cannot be edited ({error})") from None


def _value_at(data: object, path: Sequence[str]) -> object:
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _span(text: str, path: tuple[str, ...]) -> tuple[int, int]:
    """Return the start and end offsets of a table, including its subtables.

    Comments and blank lines before the next table belong to the next table.

    Raises:
        MalformedError: the table has no header (it is inline, or uses dotted keys), or another
            table is between the table and one of its subtables.
    """
    headers = [*_headers(text), (len(text), ())]
    ours = [
        (start, end) for (start, name), (end, _) in pairwise(headers) if name[: len(path)] == path
    ]
    if not ours or any(end != start for (_, end), (start, _) in pairwise(ours)):
        raise MalformedError(f"the table {'.'.join(path)} has a form that cannot be edited")
    start, end = ours[0][0], ours[-1][1]
    lines = text[start:end].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        end -= len(lines.pop())
    return start, end


def _updated(block: str, path: tuple[str, ...], value: Mapping[str, Any], line_end: str) -> str:
    """Return the text of a table and its subtables, changed so that the table has this value."""
    headers = [*_headers(block), (len(block), ())]
    names = {name[:length] for _, name in headers for length in range(len(path), len(name) + 1)}
    parts: list[str] = []
    if path not in {name for _, name in headers}:
        own = {key: item for key, item in value.items() if (*path, key) not in names}
        parts.append("".join((*_lines(path, own), "\n")).replace("\n", line_end))
    for (start, name), (end, _) in pairwise(headers):
        wanted = _value_at(value, name[len(path) :])
        if isinstance(wanted, Mapping):
            inner = {key: item for key, item in wanted.items() if (*name, key) not in names}
            parts.append(_updated_table(block[start:end], name, inner, line_end))
        elif isinstance(wanted, list):
            parts.append(block[start:end])
    return "".join(parts).rstrip() + line_end


def _updated_table(
    text: str, name: tuple[str, ...], wanted: Mapping[str, Any], line_end: str
) -> str:
    """Return the text of a table without subtables, changed so that its values equal `wanted`."""
    header, *statements = _statements(text)
    kept, missing = [header if header.endswith("\n") else header + line_end], dict(wanted)
    for statement in statements:
        data = tomllib.loads(statement)
        if all(key in missing and missing[key] == item for key, item in data.items()):
            kept.append(statement)
            missing = {key: item for key, item in missing.items() if key not in data}
    blank: list[str] = []
    while not kept[-1].strip():
        blank.append(kept.pop())
    if not kept[-1].endswith("\n"):
        kept.append(line_end)
    added = "".join(_lines(name, missing)[1:]).replace("\n", line_end)
    return "".join((*kept, added, *blank))


def _statements(text: str) -> list[str]:
    """Split a text into statements. A statement has several lines if its value does."""
    found, start, depth, at = [], 0, 0, 0
    while at < len(text) and (token := _TOKEN.match(text, at)) is not None:
        at = token.end()
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if token[0] == "\n" and not depth:
            found.append(text[start:at])
            start = at
    return [*found, text[start:]] if start < len(text) else found


def _headers(text: str) -> list[tuple[int, tuple[str, ...]]]:
    """Return the offset of each table's header, and the parts of the table's name."""
    found: list[tuple[int, tuple[str, ...]]] = []
    at, depth = len(BOM) if text.startswith(BOM) else 0, 0
    at_line_start = True
    while at < len(text):
        header = _HEADER.match(text, at) if at_line_start and not depth else None
        if header is not None:
            found.append((at, _name(header[1])))
            at = header.end()
            continue
        token = _TOKEN.match(text, at)
        if token is None:
            break
        at, at_line_start = token.end(), token[0] == "\n"
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
    return found


def _name(header: str) -> tuple[str, ...]:
    """Return the parts of the name in a header such as `[a."b"]`, as `tomllib` reads it."""
    name: list[str] = []
    data: object = tomllib.loads(header)
    while isinstance(data, dict) and data:
        part, data = next(iter(data.items()))
        name.append(part)
    return tuple(name)


def _lines(path: tuple[str, ...], value: Mapping[str, Any]) -> list[str]:
    inner = {name: item for name, item in value.items() if isinstance(item, Mapping)}
    lines = [f"[{'.'.join(map(_key, path))}]\n"]
    lines += [
        f"{_key(name)} = {_literal(item)}\n" for name, item in value.items() if name not in inner
    ]
    for name, table in inner.items():
        lines += ["\n", *_lines((*path, name), table)]
    return lines


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _literal(name)


def _literal(value: object) -> str:
    """Return a value as TOML.

    The strings, numbers and booleans that `json` writes are also TOML, if U+007F is escaped.
    """
    if isinstance(value, Mapping):
        return (
            f"{{{', '.join(f'{_key(name)} = {_literal(item)}' for name, item in value.items())}}}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
