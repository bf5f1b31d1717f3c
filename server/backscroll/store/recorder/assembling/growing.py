"""Values that grow with each part of a stream: texts, lists and objects."""

from io import StringIO
from itertools import islice
from typing import Any, Final

from backscroll.store.recorder.assembling.lenient_json import JSON

_NUMBER_SIZE: Final = 8
_MAX_DEPTH: Final = 16
"""Objects deeper than this are replaced whole. Objects that servers stream have a depth up to 4."""

RECENT: Final = 128
"""Among how many of the newest entries of a list an entry is looked for. Entries are streamed one
after another, or a few at once."""

SAID_ONCE: Final = frozenset(("format", "id", "index", "name", "object", "role", "status", "type"))
"""Texts that a server may repeat in each part, and that are never continued."""


def append(target: JSON, key: str, text: str) -> None:
    """Append `text` to the text that `target` has under `key`, or to the last of its text parts."""
    grown = target.get(key)
    if isinstance(grown, list):
        if not (grown and isinstance(grown[-1], dict) and grown[-1].get("type") == "text"):
            grown.append({"type": "text", "text": ""})
        target, key, grown = grown[-1], "text", grown[-1].get("text")
    if not isinstance(grown, StringIO):
        start = grown if isinstance(grown, str) else ""
        grown = target[key] = StringIO()
        grown.write(start)
    grown.write(text)


def merge(target: JSON, part: JSON, depth: int = 0) -> None:
    """Add one part of a streamed object to what is known of it.

    Texts are appended, except for those in `SAID_ONCE`, whose first value is kept. Lists are
    extended, but if their entries have an `index`, the parts of each entry are merged. Objects are
    merged. Any other value replaces the earlier one, but null replaces nothing.
    """
    for key, value in part.items():
        known = target.get(key)
        if value is None:
            target.setdefault(key, None)
        elif isinstance(value, str) and key in SAID_ONCE:
            if not known:
                target[key] = value
        elif isinstance(value, str):
            append(target, key, value)
        elif isinstance(value, list):
            _extend(target, key, value, depth)
        elif isinstance(value, dict) and isinstance(known, dict) and depth < _MAX_DEPTH:
            merge(known, value, depth + 1)
        else:
            target[key] = value


def _extend(target: JSON, key: str, parts: list[Any], depth: int) -> None:
    known = target.get(key)
    if isinstance(known, list):
        entries = known
    else:
        entries = [{"type": "text", "text": known}] if size_of(known or "") else []
    target[key] = entries
    for part in parts:
        index = _index_of(part)
        recent = islice(reversed(entries), RECENT if index is not None else 0)
        entry = next((each for each in recent if _index_of(each) == index), None)
        if entry is None:
            entries.append(part)
        elif depth < _MAX_DEPTH:
            merge(entry, part, depth + 1)


def _index_of(entry: object) -> object:
    return entry.get("index") if isinstance(entry, dict) else None


def replace(target: JSON, key: str, value: Any) -> int:  # noqa: ANN401 - any JSON value
    """Set `target[key]`. Return by how much the size grows, which is negative if it shrinks."""
    before = len(key) + size_of(target[key]) if key in target else 0
    target[key] = value
    return len(key) + size_of(value) - before


def size_of(value: object) -> int:
    """Return about how many characters `value` has as JSON, without punctuation."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, StringIO):
        return value.tell()
    if isinstance(value, dict):
        return sum(len(key) + size_of(each) for key, each in value.items())
    if isinstance(value, list):
        return sum(_NUMBER_SIZE + size_of(each) for each in value)
    return _NUMBER_SIZE


def settled(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a copy of `value` whose texts are strings.

    A server may split a character outside the basic plane between two parts, each of which has one
    half of its surrogate pair as an escape. The halves become the character.
    """
    if isinstance(value, StringIO):
        text = value.getvalue()
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text
    if isinstance(value, dict):
        return {key: settled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [settled(each) for each in value]
    return value
