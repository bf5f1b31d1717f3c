"""Reads a file of JSON conversations, one at a time."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, BinaryIO

from backscroll.history.conversation import SourceConversation
from backscroll.history.formats.format import Record
from backscroll.history.json_streams import (
    JsonProblem,
    JsonRecord,
    json_document,
    json_items,
    json_lines,
)
from backscroll.history.source_file import SourceFile

Reader = Callable[[Mapping[str, Any], str], Iterator[Record]]
"""Yields what is read from one JSON object. Its arguments are the object and its position."""


def read_records(
    file: SourceFile, read: Reader, field: str = "", *, deep: bool = False
) -> Iterator[Record]:
    """Yield the conversations of a file.

    Args:
        file: an array of objects, an object with such an array, a single object, or JSON Lines.
        read: reads one of the objects.
        field: the field that has the array.
        deep: whether an object can be nested deeply, as `json_items` says.
    """
    for position, found in _objects(file, field, deep=deep):
        if isinstance(found, JsonProblem):
            yield found
            continue
        for record in read(found.value, position):
            if found.replaced and isinstance(record, SourceConversation):
                yield dataclasses.replace(record, replaced=found.replaced)
            else:
                yield record


_Found = tuple[str, JsonRecord | JsonProblem]
"""A record of the file, after its position."""


def _objects(file: SourceFile, field: str, *, deep: bool) -> Iterator[_Found]:
    for items in (
        lambda stream: _items(stream, field, deep=deep),
        _lines,
        lambda stream: iter((("the file", json_document(stream, deep=deep)),)),
    ):
        with file.open() as stream:
            found = False
            for each in items(stream):
                found = True
                yield each
        if found:
            return


def _items(stream: BinaryIO, field: str, *, deep: bool) -> Iterator[_Found]:
    for each in json_items(stream, field, deep=deep):
        yield f"conversation {each.number}", each


def _lines(stream: BinaryIO) -> Iterator[_Found]:
    """Yield the objects of JSON Lines; nothing if the first line is not an object."""
    lines = json_lines(stream)
    first = next(lines, None)
    if isinstance(first, JsonProblem) or first is None:
        return
    second = next(lines, None)
    if second is None:
        yield "the file", first
        return
    for each in chain((first, second), lines):
        yield f"line {each.number}", each
