"""Shows an object of any kind: shortened in a list, or whole as JSON. Secrets are removed."""

from collections.abc import Iterator
from typing import Final, cast

from backscroll_tools.client.redaction import redacted
from backscroll_tools.client.times import seconds
from backscroll_tools.models import JSON, ApiObject
from backscroll_tools.render import compact

SUMMARY_CHARS: Final = 600
"""The maximum length of a listed object's `fields` as JSON, in characters."""

_TEXT_CHARS: Final = 120
"""The number of characters after which a listed object's `status`, and each string in its `fields`,
is cut."""

_ENTRIES: Final = 5
"""The maximum number of entries that are shown of an array in a listed object's `fields`."""

_DEPTH: Final = 4
"""How many levels of nested objects and arrays are shown of each field in a listed object's
`fields`. An object or array below these levels is shown as `{…}` or `[…]`."""

_TIMES: Final = (
    "created_at",
    "created",
    "start_time",
    "effective_at",
    "added_at",
    "invited_at",
)
"""The fields with an object's time, in the order in which they are looked for."""

_TITLES: Final = ("name", "title", "filename", "email", "message", "type", "model")
"""The fields with an object's title, in the order in which they are looked for."""

_TITLE_CHARS: Final = 200


def summary(raw: JSON) -> ApiObject:
    """Return an object of a list: its id, time, title and status, and its other fields, shortened.

    Args:
        raw: the object, with an id.
    """
    item = ApiObject(id=raw["id"])
    safe = cast("JSON", redacted({key: value for key, value in raw.items() if key != "id"}))
    left = {key: value for key, value in safe.items() if value not in (None, "", [], {})}
    left.pop("object", None)
    for name in _TIMES:
        if (at := seconds(left.get(name))) is not None:
            item["created_at"] = at
            del left[name]
            break
    for name in _TITLES:
        if isinstance(title := left.get(name), str):
            item["title"] = _cut(title, _TITLE_CHARS)
            if len(title) <= _TITLE_CHARS:
                del left[name]
            break
    if isinstance(status := left.get("status"), str):
        item["status"] = _cut(status, _TEXT_CHARS)
        del left["status"]
    shortened = {key: _shortened(value, _DEPTH) for key, value in left.items()}
    fields, omitted = _fitting(shortened)
    if fields:
        item["fields"] = fields
    if omitted:
        item["omitted"] = _cut(", ".join(omitted), _TITLE_CHARS)
    return item


def whole(raw: JSON) -> ApiObject:
    """Return an object with all its fields as JSON in `text`.

    Args:
        raw: the object, with an id.
    """
    item = ApiObject(id=raw["id"])
    for name in _TIMES:
        if (at := seconds(raw.get(name))) is not None:
            item["created_at"] = at
            break
    item["text"] = compact(redacted(raw))
    return item


def _fitting(fields: JSON) -> tuple[JSON, list[str]]:
    """Return the shortest fields that fit into `SUMMARY_CHARS`, and the names of those left out."""
    lengths = {key: len(compact({key: value})) for key, value in fields.items()}
    chosen: set[str] = set()
    used = 0
    for key in sorted(lengths, key=lambda name: lengths[name]):
        used += lengths[key]
        if used > SUMMARY_CHARS:
            break
        chosen.add(key)
    kept = {key: value for key, value in fields.items() if key in chosen}
    return kept, [key for key in fields if key not in chosen]


def _shortened(value: object, depth: int) -> object:
    match value:
        case str():
            return _cut(value, _TEXT_CHARS)
        case dict() if not depth:
            return "{…}"
        case list() if not depth:
            return "[…]"
        case dict():
            item = cast("JSON", value)
            return {key: _shortened(inner, depth - 1) for key, inner in item.items()}
        case list():
            return list(_entries(cast("list[object]", value), depth - 1))
        case _:
            return value


def _entries(rows: list[object], depth: int) -> Iterator[object]:
    for row in rows[:_ENTRIES]:
        yield _shortened(row, depth)
    if len(rows) > _ENTRIES:
        yield f"… {len(rows) - _ENTRIES} more"


def _cut(text: str, chars: int) -> str:
    return text if len(text) <= chars else f"{text[:chars]}… ({len(text)} characters)"
