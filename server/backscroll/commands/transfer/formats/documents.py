"""Opens files of conversations: JSON Lines, compressed or not, or one JSON document.

A document is an object or an array of objects, with line breaks anywhere. If a file has neither
format, it is refused once and not line by line.
"""

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from io import BytesIO
from itertools import chain, islice
from typing import IO, BinaryIO, Final, cast

from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile, Refused
from backscroll.commands.transfer.formats.jsonl import (
    LINE_BYTES,
    NOT_JSON,
    lines,
    parse,
    parse_value,
)
from backscroll.store.api_errors import ApiError
from backscroll.store.request_body import parse_object

DOUBTFUL: Final = 10
"""The number of lines at the start of a file after which the file is refused, if none of them is a
JSON object."""

_FEW: Final = 3
"""If a file has fewer lines than this, each invalid line is refused separately."""

_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"


def read_file(file: BinaryIO, name: str) -> ImportFile:
    """Return the entries of an open file, which is closed after the last one; sizes are in bytes.

    Args:
        file: the file at its start; it may be a pipe, whose total size is unknown.
        name: its name, as shown to users.
    """
    status = os.fstat(file.fileno())
    sized = stat.S_ISREG(status.st_mode) and not start_of(file, len(_GZIP)).startswith(_GZIP)
    return ImportFile(name, _closing(file), status.st_size if sized else None)


def read_stream(stream: BinaryIO, name: str) -> ImportFile:
    """Return the entries of a stream; its total size is unknown."""
    return ImportFile(name, entries(stream), None)


def entries(stream: IO[bytes], most: int = LINE_BYTES) -> Iterator[ImportEntry]:
    """Yield the conversations of a file.

    Args:
        stream: the file, perhaps compressed by gzip.
        most: the maximum size of a line, and of a document, in bytes.
    """
    if start_of(stream, len(_GZIP)).startswith(_GZIP):
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=stream))
    try:
        yield from _entries(stream, most)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        yield ImportEntry("the rest", Refused("its compressed data is damaged or incomplete"), 0)


def start_of(stream: IO[bytes], size: int) -> bytes:
    """Return the next bytes of a stream without consuming them.

    Args:
        stream: the stream; nothing is returned if it cannot be peeked at.
        size: the most bytes to return; a pipe may give fewer.
    """
    peek = getattr(stream, "peek", None)
    return b"" if peek is None else peek(size)[:size]


def _closing(file: BinaryIO) -> Iterator[ImportEntry]:
    with file:
        yield from entries(file)


def _entries(stream: IO[bytes], most: int) -> Iterator[ImportEntry]:
    first = stream.readline(most)
    if _is_json_object(first) or first.isspace():
        yield from lines(_Rejoined(first, stream), most)
        return
    whole = first
    if first.removeprefix(_BOM).lstrip()[:1] in {b"[", b"{"}:
        whole += stream.read(max(0, most - len(first)))
        document = _document(whole)
        if document is not None:
            yield from document
            return
    found = lines(_Rejoined(whole, stream), most)
    start = list(_until_json(islice(found, DOUBTFUL)))
    if len(start) < _FEW or not _is_not_json(start[-1]):
        yield from chain(start, found)
        return
    why = f"is not JSON Lines: none of its first {len(start)} lines is a JSON object"
    yield ImportEntry("the file", Refused(why), sum(entry.size for entry in start))


def _until_json(found: Iterator[ImportEntry]) -> Iterator[ImportEntry]:
    for entry in found:
        yield entry
        if not _is_not_json(entry):
            return


def _is_not_json(entry: ImportEntry) -> bool:
    return isinstance(entry.item, Refused) and entry.item.reason.startswith(NOT_JSON)


def _is_json_object(line: bytes) -> bool:
    item = parse(line.removeprefix(_BOM))
    return not (isinstance(item, Refused) and item.reason.startswith(NOT_JSON))


def _document(whole: bytes) -> list[ImportEntry] | None:
    """Return the conversations of a JSON document; None if `whole` is not one."""
    try:
        value = parse_object(b'{"document":' + whole.removeprefix(_BOM) + b"}")["document"]
    except ApiError:
        return None
    if isinstance(value, dict):
        return [ImportEntry("the document", parse_value(value), len(whole))]
    if not isinstance(value, list):
        return None
    found = [_item(number, item) for number, item in enumerate(value, 1)]
    refused = [entry.item for entry in found if isinstance(entry.item, Refused)]
    if len(refused) == len(found) and len(found) > 1:
        why = f"is an array of {len(found)} items, and none can be imported; the first: "
        return [ImportEntry("the document", Refused(why + refused[0].reason), len(whole))]
    return found


def _item(number: int, item: object) -> ImportEntry:
    kept = parse_value(item) if isinstance(item, dict) else Refused("is not an object")
    return ImportEntry(f"item {number}", kept, 0)


class _Rejoined:
    """A stream with the bytes that were already read from it."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start = BytesIO(start)
        self._rest = rest

    def readline(self, most: int) -> bytes:
        """Return the next line, or its first `most` bytes."""
        line = self._start.readline(most)
        if line.endswith(b"\n") or len(line) == most:
            return line
        return line + self._rest.readline(most - len(line))
