"""Replaces binary content in replies with its type and size, such as `[image/png, 70 bytes]`.

A model cannot read base64, and one image can be longer than dozens of pages of text. A string
is treated as binary if it is a data URL, or if it contains only base64. In a field that holds text,
only parts of the string are replaced: data URLs, and base64 that starts with the signature of a
file format.
"""

import re
from functools import partial
from operator import is_
from typing import Final, cast

from backscroll_tools.models import JSON

OMITTED: Final = "omitted"
"""The name of the field that describes an item's missing content."""

BINARY: Final = "binary content"
"""The value of `omitted` if binary content was replaced."""

CHARS: Final = "_chars"
"""The suffix of a field in replies of the embedded store. If the store has cut the string in the
field `text`, for example, the field `text_chars` contains the full length of that string."""

LEAST_CHARS: Final = 256
"""The minimum length of base64 that is replaced, in characters. Ids and hashes are shorter."""

TEXT_FIELDS: Final = frozenset(
    {"text", "value", "content", "arguments", "output", "input", "refusal", "transcript", "name"}
)
"""The names of fields that hold text."""

KEPT_FIELDS: Final = frozenset({"id", "metadata"})
"""The names of fields whose binary content is not replaced."""

_CONTAINERS: Final = (dict, list)
_DATA: Final = "data:"
_BASE64_CHARS: Final = LEAST_CHARS - 2
"""`LEAST_CHARS` without the two characters of padding that base64 may end with."""

_BASE64: Final = re.compile(rf"[A-Za-z0-9+/_\-\r\n]{{{_BASE64_CHARS},}}={{0,2}}\s*")
_DATA_URL: Final = re.compile(
    r"data:(?P<type>[\w.+-]+/[\w.+-]+)?(?:;[\w.=+-]+)*;base64,"
    rf"(?P<data>[A-Za-z0-9+/_-]{{{LEAST_CHARS},}}={{0,2}})"
)
_URL_TYPE: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?=[;,])")

_SIGNATURES: Final = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGODlh": "image/gif",
    "UklGR": "audio or image in RIFF",
    "SUQz": "audio/mpeg",
    "T2dnUw": "audio/ogg",
    "JVBERi0": "application/pdf",
    "UEsDB": "application/zip",
}
"""The types of common file formats, by the base64 of the first bytes of a file."""

_SIGNED: Final = {
    start: re.compile(
        rf"(?<![A-Za-z0-9+/_-]){re.escape(start)}[A-Za-z0-9+/_-]{{{LEAST_CHARS},}}={{0,2}}"
    )
    for start in _SIGNATURES
}


def may_be_abridged(body: bytes) -> bool:
    """Return False if `abridged` would certainly not change the reply with this body.

    This is much faster than checking each string of the reply.
    """
    return b"data:" in body or _has_long_string(body)


def _has_long_string(body: bytes) -> bool:
    """Return whether `_BASE64_CHARS` bytes without a quotation mark follow any quotation mark.

    From each quotation mark, the search skips to the last quotation mark in the next
    `_BASE64_CHARS` bytes. This is faster than a regular expression.
    """
    start = body.find(b'"') + 1
    while start and start + _BASE64_CHARS <= len(body):
        last = body.rfind(b'"', start, start + _BASE64_CHARS)
        if last < 0:
            return True
        start = last + 1
    return False


def abridged(reply: JSON) -> JSON:
    """Return a reply in which binary content is replaced by its type and size.

    The reply, or each object in its `data`, also gets the field `omitted` if its binary content was
    replaced.

    Args:
        reply: one object, or a list envelope with objects in `data`.
    """
    data = reply.get("data")
    if not isinstance(data, list):
        return _item(reply)
    rows = cast("list[object]", data)
    items = [_item(cast("JSON", row)) if isinstance(row, dict) else row for row in rows]
    return {**reply, "data": items}


def _item(item: JSON) -> JSON:
    shortened = _object(item)
    return item if shortened is item else {**shortened, OMITTED: BINARY}


def _object(value: JSON) -> JSON:
    """Return an object with its binary content replaced, or the same object if it has none."""
    changed: JSON = {}
    for name, inner in value.items():
        if isinstance(inner, str):
            # Skip short strings, which `_string` never changes. Almost all strings are short.
            if (len(inner) < _BASE64_CHARS and not inner.startswith(_DATA)) or name in KEPT_FIELDS:
                continue
            whole = value.get(f"{name}{CHARS}")
            chars = whole if isinstance(whole, int) else len(inner)
            shortened: object = _string(inner, chars, is_text=name in TEXT_FIELDS)
        elif not inner or not isinstance(inner, _CONTAINERS) or name in KEPT_FIELDS:
            continue
        else:
            shortened = _object(inner) if isinstance(inner, dict) else _list(inner)
        if shortened is not inner:
            changed[name] = shortened
    if not changed:
        return value
    gone = {f"{name}{CHARS}" for name, new in changed.items() if isinstance(new, str)}
    return {name: changed.get(name, inner) for name, inner in value.items() if name not in gone}


def _list(rows: list[object]) -> list[object]:
    shortened = [
        _object(cast("JSON", row))
        if isinstance(row, dict)
        else _string(row, len(row), is_text=False)
        if isinstance(row, str)
        else _list(cast("list[object]", row))
        if isinstance(row, list)
        else row
        for row in rows
    ]
    return rows if all(map(is_, shortened, rows)) else shortened


def _string(text: str, chars: int, *, is_text: bool) -> str:
    """Return a string with its binary content replaced, or the same string if it has none.

    Args:
        text: the string, which the store may have cut.
        chars: the length of the whole string, in characters.
        is_text: whether the string is the value of a field that holds text.
    """
    if chars < LEAST_CHARS:
        return text
    if is_text:
        return _in_text(text)
    if found := _URL_TYPE.match(text):
        kind, data = found[1] or "data", text.find(",") + 1
        if not text[:data].endswith(";base64,"):
            return f"[{kind}, {chars - data} characters]"
        return _shown(kind, _bytes(text[data:], chars - data))
    if _BASE64.fullmatch(text):
        kind = next((kind for start, kind in _SIGNATURES.items() if text.startswith(start)), "")
        return _shown(kind or "base64", _bytes(text, chars))
    return text


def _in_text(text: str) -> str:
    if _DATA in text:
        text = _DATA_URL.sub(_of_url, text)
    for start, pattern in _SIGNED.items():
        if start in text:
            text = pattern.sub(partial(_signed, _SIGNATURES[start]), text)
    return text


def _of_url(found: re.Match[str]) -> str:
    return _shown(found["type"] or "data", _bytes(found["data"], len(found["data"])))


def _signed(kind: str, found: re.Match[str]) -> str:
    return _shown(kind, _bytes(found[0], len(found[0])))


def _bytes(encoded: str, chars: int) -> int:
    """Return the number of bytes that a base64 text encodes.

    Args:
        encoded: the text, which may have been cut.
        chars: the length of the whole text, in characters.
    """
    breaks = encoded.count("\n") + encoded.count("\r") if len(encoded) == chars else 0
    return (chars - breaks) * 3 // 4 - encoded[-2:].count("=")


def _shown(kind: str, size: int) -> str:
    return f"[{kind}, {size} bytes]"
