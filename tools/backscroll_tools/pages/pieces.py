"""Cuts a piece from an item that is too long for one page, and shortens an item to a preview."""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from backscroll_tools.client.abridging import OMITTED
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import Inside
from backscroll_tools.render import compact

_ALWAYS: Final = frozenset({"id", "role", "created_at", "message_id", "text"})
"""The fields that every piece of an item has, so that an agent can join the pieces."""


def reading(item: Mapping[str, object], *, with_fields: bool) -> str:
    """Return the text to split into pieces: the item's text and, if asked for, its other fields.

    Args:
        item: the item.
        with_fields: whether to append the item's other fields, as JSON.
    """
    text = str(item.get("text", ""))
    return text + compact(_fields(item)) if with_fields else text


def piece(item: Mapping[str, object], whole: str, start: Inside, stop: int) -> JSON:
    """Return an item with only the characters from `start` to `stop` of `whole`.

    Args:
        item: the item.
        whole: the text that `reading` returned for the item.
        start: the offset in `whole` at which the piece starts.
        stop: the offset in `whole` at which the piece ends.
    """
    text_ends = len(str(item.get("text", "")))
    part: JSON = {name: value for name, value in item.items() if name in _ALWAYS}
    part["text"] = whole[start.offset : min(stop, text_ends)]
    if start.with_fields:
        if stop > text_ends:
            part["fields_json"] = whole[max(start.offset, text_ends) : stop]
    elif start.offset == 0:
        part |= _fields(item)
    clipped: JSON = {"shown": stop - start.offset, "total": len(whole)}
    if start.offset:
        clipped["start"] = start.offset
    part["clipped"] = clipped
    return part


def previewed(item: Mapping[str, object], preview: int) -> Mapping[str, object]:
    """Return an item with only the first `preview` characters of its text."""
    text = cast("str", item.get("text", ""))
    if len(text) <= preview:
        return item
    clipped = cast("Mapping[str, int]", item.get("clipped", {}))
    total = clipped.get("total", len(text))
    return {**item, "text": text[:preview], "clipped": {"shown": preview, "total": total}}


def ever_shorter(item: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield an item without its longest field, then without its two longest fields, and so on.

    Then yield it with half of its text, with a quarter of it, and so on. The field `omitted` names
    the missing fields.
    """
    while fields := {
        name: len(compact(value))
        for name, value in _fields(item).items()
        if name not in {OMITTED, "clipped"}
    }:
        longest = max(fields, key=lambda name: fields[name])
        omitted = ", ".join(filter(None, (str(item.get(OMITTED, "")), longest)))
        item = {name: value for name, value in item.items() if name != longest}
        item = {**item, OMITTED: omitted}
        yield item
    chars = len(str(item.get("text", "")))
    while chars := chars // 2:
        yield previewed(item, chars)


def _fields(item: Mapping[str, object]) -> JSON:
    return {name: value for name, value in item.items() if name not in _ALWAYS}
