"""The JSON objects of a file, whether it is JSON Lines, one array or one object."""

import codecs
from collections.abc import Iterator
from typing import Final

from backscroll.history.conversation import Unreadable
from backscroll.history.reading.json_streams import (
    JsonProblem,
    JsonRecord,
    json_document,
    json_items,
    json_lines,
)
from backscroll.history.source_file import SourceFile

_START_BYTES: Final = 4096


def records(file: SourceFile) -> Iterator[JsonRecord | JsonProblem]:
    """Yield the objects of a file.

    Raises:
        OSError: the file cannot be read.
    """
    if starts_with(file, b"["):
        with file.open() as stream:
            yield from json_items(stream)
        return
    with file.open() as stream:
        first = next(json_lines(stream), None)
    if isinstance(first, JsonProblem) and starts_with(file, b"{"):
        with file.open() as stream:
            document = json_document(stream)
        if isinstance(document, JsonRecord):  # one object on several lines
            yield document
            return
    with file.open() as stream:
        yield from json_lines(stream)


def unreadable_file(file: SourceFile, error: OSError) -> Unreadable:
    """Return that one of several files cannot be read, so that the others still are."""
    return Unreadable(file.name, f"cannot be read: {error.strerror or error}")


def starts_with(file: SourceFile, character: bytes) -> bool:
    """Return whether a character is the first one of a file that is not a space.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open() as stream:
        start = stream.read(_START_BYTES)
    return start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(character)
