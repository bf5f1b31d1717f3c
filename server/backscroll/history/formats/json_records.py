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
    for kind, found in _objects(file, field, deep=deep):
        if isinstance(found, JsonProblem):
            yield found
            continue
        for record in read(found.value, f"{kind} {found.number}"):
            if found.replaced and isinstance(record, SourceConversation):
                yield dataclasses.replace(record, replaced=found.replaced)
            else:
                yield record


_Found = tuple[str, JsonRecord | JsonProblem]
"""What a record of the file is called, and the record."""


def _objects(file: SourceFile, field: str, *, deep: bool) -> Iterator[_Found]:
    for kind, items in (
        ("conversation", lambda stream: json_items(stream, field, deep=deep)),
        ("line", _lines),
        ("conversation", lambda stream: iter((json_document(stream, deep=deep),))),
    ):
        with file.open() as stream:
            found = False
            for each in items(stream):
                found = True
                yield kind, each
        if found:
            return


def _lines(stream: BinaryIO) -> Iterator[JsonRecord | JsonProblem]:
    """Yield the objects of JSON Lines; nothing if the first line is not an object."""
    lines = json_lines(stream)
    first = next(lines, None)
    if isinstance(first, JsonRecord):
        yield from chain((first,), lines)
