"""Reads files of conversations in Backscroll's own format: JSON Lines, or one JSON document.

A document is an object or an array of objects. It may have line breaks anywhere. If a file has
neither format, the whole file is refused once, unless it has fewer lines than `_FEW`.
"""

import json
from collections.abc import Iterator
from io import BytesIO
from itertools import chain, islice
from typing import IO, BinaryIO, Final

from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile, Refused
from backscroll.commands.transfer.formats.jsonl import (
    BARE,
    LINE_BYTES,
    NOT_JSON,
    lines,
    parse,
    parse_value,
)
from backscroll.history.source_file import why
from backscroll.store.api_errors import ApiError
from backscroll.store.request_body import parse_object

DOUBTFUL: Final = 10
"""If this many lines at the start of a file have the same fault, the whole file is refused."""

_FEW: Final = 3
"""If a file has fewer lines than this, and none is JSON, each line is refused separately."""

_HELP: Final = "run backscroll import --help for the format"

_BOM: Final = b"\xef\xbb\xbf"
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{", b"[\0", b"\0[")
_SEVERAL: Final = (
    "has more than one JSON document, with line breaks inside them: "
    "write each on one line, or all in one array"
)


def read_file(file: BinaryIO, name: str, size: int | None) -> ImportFile:
    """Return the entries of an open file. The sizes of entries are in bytes.

    The file is closed once all entries are read. Items of a JSON array have the size 0.

    Args:
        file: the file, from which nothing was read yet.
        name: the file's name, as shown to users.
        size: the file's size in bytes; None if it is unknown.
    """
    return ImportFile(name, _closing(file), size)


def read_stream(stream: BinaryIO, name: str) -> ImportFile:
    """Return the entries of a stream, whose total size is unknown."""
    return ImportFile(name, entries(stream), None)


def entries(stream: IO[bytes], most: int = LINE_BYTES) -> Iterator[ImportEntry]:
    """Yield the entries of a file.

    Args:
        stream: the file.
        most: the maximum size of a line or a document, in bytes.
    """
    try:
        yield from _entries(stream, most)
    except OSError as error:
        yield ImportEntry("the rest", Refused(why(error)), 0)


def start_of(stream: IO[bytes], size: int) -> bytes:
    """Return the next bytes of a stream without consuming them.

    Args:
        stream: the stream. If it has no method `peek`, the result is empty.
        size: the maximum number of bytes to return. A pipe may give fewer.
    """
    peek = getattr(stream, "peek", None)
    return b"" if peek is None else peek(size)[:size]


def _closing(file: BinaryIO) -> Iterator[ImportEntry]:
    with file:
        yield from entries(file)


def _entries(stream: IO[bytes], most: int) -> Iterator[ImportEntry]:
    first = stream.readline(most)
    if first.startswith(UTF_16):
        yield _refusal("the file", "is in UTF-16: save it as UTF-8", len(first))
        return
    if _is_json_object(first) or first.isspace():
        yield from _checked(lines(_Rejoined(first, stream), most))
        return
    whole = first
    if first.removeprefix(_BOM).lstrip()[:1] in {b"[", b"{"}:
        whole += stream.read(max(0, most - len(first)))
        document = _document(whole)
        if document is not None:
            yield from document
            return
        if _has_several(whole):
            yield _refusal("the file", _SEVERAL, len(whole))
            return
    yield from _checked(lines(_Rejoined(whole, stream), most))


def _checked(found: Iterator[ImportEntry]) -> Iterator[ImportEntry]:
    """Yield all entries, or only one refusal if the first lines all have the same fault."""
    start: list[ImportEntry] = []
    for entry in islice(found, DOUBTFUL):
        start.append(entry)
        fault = _fault(entry)
        if fault is None or fault != _fault(start[0]):
            yield from chain(_hinted(start), found)
            return
    if not start:
        return
    fault = _fault(start[0])
    if fault is None or (fault == NOT_JSON and len(start) < _FEW):
        yield from _hinted(start)
        return
    if fault == NOT_JSON:
        fault = f"is not JSON Lines: none of its first {len(start)} lines is a JSON object"
    yield _refusal("the file", fault, sum(entry.size for entry in start))


def _hinted(start: list[ImportEntry]) -> list[ImportEntry]:
    """Return the first entries of a file. If all are refused, the first reason mentions --help."""
    refused = [entry.item for entry in start if isinstance(entry.item, Refused)]
    if len(refused) < len(start):
        return start
    return [_refusal(start[0].position, refused[0].reason, start[0].size), *start[1:]]


def _fault(entry: ImportEntry) -> str | None:
    """Return `NOT_JSON` or `BARE` if this is why a line is refused; otherwise None.

    If the first lines all have the fault `NOT_JSON`, or all have `BARE`, the whole file is refused.
    """
    reason = entry.item.reason if isinstance(entry.item, Refused) else ""
    if reason.startswith(NOT_JSON):
        return NOT_JSON
    return reason if reason == BARE else None


def _refusal(position: str, why: str, size: int) -> ImportEntry:
    return ImportEntry(position, Refused(f"{why}; {_HELP}"), size)


def _is_json_object(line: bytes) -> bool:
    item = parse(line.removeprefix(_BOM))
    return not (isinstance(item, Refused) and item.reason.startswith(NOT_JSON))


def _document(whole: bytes) -> list[ImportEntry] | None:
    """Return the entries of a JSON document, or None if `whole` is not a JSON document."""
    try:
        value = parse_object(b'{"document":' + whole.removeprefix(_BOM) + b"}")["document"]
    except ApiError:
        return None
    if isinstance(value, dict):
        one = parse_value(value)
        if isinstance(one, Refused):
            return [_refusal("the document", one.reason, len(whole))]
        return [ImportEntry("the document", one, len(whole))]
    if not isinstance(value, list):
        return None
    found = [_item(number, item) for number, item in enumerate(value, 1)]
    reasons = [entry.item.reason for entry in found if isinstance(entry.item, Refused)]
    if not reasons or len(reasons) < len(found):
        return found
    reason = reasons[0]
    if len(found) > 1 and set(reasons) != {BARE}:
        reason = f"is an array of {len(found)} items, and none can be imported; the first: {reason}"
    return [_refusal("the document", reason, len(whole))]


def _item(number: int, item: object) -> ImportEntry:
    kept = parse_value(item) if isinstance(item, dict) else Refused("is not an object")
    return ImportEntry(f"item {number}", kept, 0)


def _has_several(whole: bytes) -> bool:
    """Return whether `whole` is a JSON document of several lines with more text after it."""
    try:
        text = whole.removeprefix(_BOM).decode(errors="replace").lstrip()
        _, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return "\n" in text[:end] and text[end:].strip() != ""


class _Rejoined:
    """Reads a stream from its beginning, although its first bytes were already read."""

    def __init__(self, start: bytes, rest: IO[bytes]) -> None:
        self._start = BytesIO(start)
        self._rest = rest

    def readline(self, most: int) -> bytes:
        """Return the next line, or its first `most` bytes."""
        line = self._start.readline(most)
        if line.endswith(b"\n") or len(line) == most:
            return line
        return line + self._rest.readline(most - len(line))
