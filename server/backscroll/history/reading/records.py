"""Reads the JSON objects of a file one at a time, each with its position.

The file is an array, an object that has an array in a field, a single object, or JSON Lines.
"""

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, Final, TypeAlias

from msgspec import structs

from backscroll.history.conversation import Record, SourceConversation
from backscroll.history.reading.json_streams import (
    JsonProblem,
    JsonRecord,
    json_document,
    json_items,
    json_lines,
)
from backscroll.history.source_file import SourceFile

_DAMAGED_LINES: Final = 64
"""How many damaged lines may be before the first object of JSON Lines."""

_START_BYTES: Final = 4096

Reader = Callable[[Mapping[str, Any], str], Iterator[Record]]
"""Yields the records of one JSON object. Its arguments are the object and its position."""


def read_records(
    file: SourceFile, read: Reader, field: str = "", *, deep: bool = False
) -> Iterator[Record]:
    """Yield the records of each object of a file, and a `JsonProblem` for each unreadable object.

    Args:
        file: the file.
        read: yields the records of one object.
        field: the field that has the array.
        deep: whether an object can be nested deeply, as `json_items` says.

    Raises:
        OSError: the file cannot be read.
    """
    for position, found in records(file, field, deep=deep):
        if isinstance(found, JsonProblem):
            yield found
            continue
        for record in read(found.value, position):
            if found.replaced and isinstance(record, SourceConversation):
                yield structs.replace(record, replaced=record.replaced + found.replaced)
            else:
                yield record


_Found: TypeAlias = tuple[str, JsonRecord | JsonProblem]


def records(file: SourceFile, field: str = "", *, deep: bool = False) -> Iterator[_Found]:
    """Yield the position of each object of a file, such as `line 7`, and the object.

    Five ways of reading the file are tried in turn, up to the first that yields anything.

    Args:
        file: the file.
        field: the field that has the array.
        deep: whether an object can be nested deeply, as `json_items` says.

    Raises:
        OSError: the file cannot be read.
    """
    ways: Sequence[Callable[[BinaryIO], Iterator[_Found]]] = (
        partial(_items, field=field, deep=deep),
        partial(_lines, damaged=0),
        partial(_document, deep=deep, damaged=False),
        partial(_lines, damaged=_DAMAGED_LINES),
        partial(_document, deep=deep, damaged=True),
    )
    for read in ways:
        with file.open() as stream:
            found = False
            for each in read(stream):
                found = True
                yield each
        if found:
            return


def _items(stream: BinaryIO, *, field: str, deep: bool) -> Iterator[_Found]:
    for each in json_items(stream, field, deep=deep):
        yield f"conversation {each.number}", each


def _lines(stream: BinaryIO, *, damaged: int) -> Iterator[_Found]:
    """Yield the objects of JSON Lines; nothing if the file is something else.

    Args:
        stream: the content of the file.
        damaged: how many lines before the first object may be damaged.
    """
    lines = json_lines(stream)
    before = []
    for first in lines:
        if isinstance(first, JsonRecord):
            break
        before.append(first)
        if len(before) > damaged:
            return
    else:
        return
    second = next(lines, None)
    if second is None and not before:
        yield "the file", first
        return
    for each in chain(before, (first,), (second,) if second else (), lines):
        yield f"line {each.number}", each


def _document(stream: BinaryIO, *, deep: bool, damaged: bool) -> Iterator[_Found]:
    """Yield the object that is the whole file.

    Args:
        damaged: whether to yield a `JsonProblem` if the file cannot be read as one object.
    """
    found = json_document(stream, deep=deep)
    if damaged or isinstance(found, JsonRecord):
        yield "the file", found


def starts_with(file: SourceFile, character: bytes) -> bool:
    """Return whether a file starts with a character, perhaps after white space.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open() as stream:
        start = stream.read(_START_BYTES)
    return start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(character)
