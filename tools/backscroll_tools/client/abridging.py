"""Replaces binary content in replies with its type and size, such as `[image/png, 70 bytes]`.

A model cannot read base64, and one image can have as many characters as dozens of pages. A string
is binary if it is a data URL, or if it contains only base64. A text is shown as it was written,
except that its data URLs, and base64 with the signature of a file format, are replaced.
"""

import re
from functools import partial
from operator import is_
from typing import Final, cast

from backscroll_tools.models import JSON

OMITTED: Final = "omitted"
"""The field of an item that describes its missing content."""

BINARY: Final = "binary content"
"""The value of `omitted` if binary content was shortened."""

CHARS: Final = "_chars"
"""The suffix of the field that gives the full length of a string that the store has cut. The field
`text_chars`, for example, belongs to the field `text`."""

LEAST_CHARS: Final = 256
"""The minimum length of base64 that is shortened, in characters. Ids and hashes are shorter."""

TEXT_FIELDS: Final = frozenset(
    {"text", "value", "content", "arguments", "output", "input", "refusal", "transcript", "name"}
)
"""The fields that hold text."""

KEPT_FIELDS: Final = frozenset({"id", "metadata"})
"""The fields that are never shortened."""

_CONTAINERS: Final = (dict, list)
_DATA: Final = "data:"
_BASE64_CHARS: Final = LEAST_CHARS - 2
"""The minimum length of a shortened string that is not a data URL, in characters: two characters
of its base64 may be padding."""

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
"""The base64 of the first bytes of common file formats, and their types."""

_SIGNED: Final = {
    start: re.compile(
        rf"(?<![A-Za-z0-9+/_-]){re.escape(start)}[A-Za-z0-9+/_-]{{{LEAST_CHARS},}}={{0,2}}"
    )
    for start in _SIGNATURES
}


_LONG: Final = re.compile(rb'"[^"]{%d}' % _BASE64_CHARS)
"""A quotation mark in JSON, and as many bytes without another as the shortest base64."""


def may_be_abridged(body: bytes) -> bool:
    """Return False if `abridged` would return the reply with this JSON unchanged.

    This is much faster than looking at each string of the reply.
    """
    return b"data:" in body or _LONG.search(body) is not None


def abridged(reply: JSON) -> JSON:
    """Return a reply whose binary content is shortened.

    Args:
        reply: an object, or a list of objects in `data`. Each object with binary content gets the
            field `omitted`.
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
    """Return an object with its binary content shortened; the same object if it has none."""
    changed: JSON = {}
    for name, inner in value.items():
        if isinstance(inner, str):
            # Almost all strings are shorter than any that `_string` shortens.
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
    """Return a string with its binary content shortened; the same string if it has none.

    Args:
        text: the string, perhaps cut.
        chars: the length of the whole string.
        is_text: whether it is shown as it was written.
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
    """Return the number of bytes that base64 of `chars` characters encodes."""
    breaks = encoded.count("\n") + encoded.count("\r") if len(encoded) == chars else 0
    return (chars - breaks) * 3 // 4 - encoded[-2:].count("=")


def _shown(kind: str, size: int) -> str:
    return f"[{kind}, {size} bytes]"
