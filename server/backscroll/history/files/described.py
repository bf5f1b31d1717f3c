"""Describes a file whose format is not known, for messages to users."""

import re
from collections.abc import Collection, Iterable
from typing import Final

from backscroll.history.files.sample import Sample

_STARTS: Final = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive, which you can unpack and import",
    b"Rar!": "a RAR archive, which you can unpack and import",
    b"BZh": "a file compressed by bzip2, which you can unpack and import",
    b"\xfd7zXZ": "a file compressed by xz, which you can unpack and import",
    b"\xff\xfe": "text in UTF-16, which you can save as UTF-8",
    b"\xfe\xff": "text in UTF-16, which you can save as UTF-8",
}
_TAR: Final = slice(257, 262)
_HTML: Final = re.compile(
    rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_NAMES: Final = 6
_NAME_CHARS: Final = 40
_OBJECTS: Final = {
    "lines": "JSON Lines whose objects have",
    "array": "a JSON array whose objects have",
    "object": "a JSON object with",
}


_RESEMBLED: Final = {
    "a session log of Claude Code": ({"sessionId", "uuid"}, {"sessionId", "parentUuid"}),
    "a session log of Codex": ({"timestamp", "type", "payload"},),
    "a ChatGPT export": ({"mapping"}, {"current_node"}),
    "a Claude export": ({"chat_messages"},),
}
"""Sets of fields, by kind of file. An object with all fields of a set is probably from such a file.
"""


def resembled(names: Collection[str]) -> str | None:
    """Return the kind of file to which an object with these fields probably belongs.

    Returns:
        Words such as `a session log of Claude Code`; None if no known format has such objects.
    """
    for words, sets in _RESEMBLED.items():
        if any(fields <= {*names} for fields in sets):
            return words
    return None


def described(sample: Sample) -> str:
    """Return what a file looks like, such as `a PNG image`."""
    start = sample.start
    if not start:
        return "an empty file"
    for known, words in _STARTS.items():
        if start.startswith(known):
            return words
    if start[_TAR] == b"ustar":
        return "a tar archive, which you can unpack and import"
    if sample.kind == "sqlite":
        if not sample.tables:
            return "an SQLite database that is empty, damaged or encrypted"
        return f"an SQLite database with the tables {_listed(sorted(sample.tables))}"
    if sample.kind in _OBJECTS:
        names = dict.fromkeys(name for record in sample.records for name in record)
        if not names:
            return "an empty JSON object" if sample.kind == "object" else "JSON without objects"
        return f"{_OBJECTS[sample.kind]} the fields {_listed(names)}"
    if _HTML.match(start):
        return "an HTML page"
    return "text" if sample.kind == "text" else "a binary file"


def _listed(names: Iterable[str]) -> str:
    """Join the first `_NAMES` names. A long name is cut off, because it may be text of the user."""
    found = [name if len(name) <= _NAME_CHARS else f"{name[:_NAME_CHARS]}…" for name in names]
    more = len(found) - _NAMES
    return ", ".join(found[:_NAMES]) + (f" and {more} more" if more > 0 else "")
