"""Reads large JSON with bounded memory: JSON Lines, arrays object by object, and documents.

    for record in json_lines(stream):
        if isinstance(record, JsonProblem):
            yield record
        else:
            record.number, record.value

Invalid UTF-8 becomes U+FFFD, and the record counts how often. Records that are longer than
`LONG_CHARS` lose the middle of each string over 1 MiB.
"""

import codecs
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from msgspec import Struct

from backscroll.history.conversation import Unreadable
from backscroll.history.reading.json_text import LongValue, TooLongError
from backscroll.history.reading.json_window import (
    CUT_OFF,
    DECODER,
    LONG_CHARS,
    MAX_DEPTH,
    NOT_JSON,
    NOT_OBJECT,
    SEPARATORS,
    TOO_DEEP,
    TOO_LONG,
    Found,
    JsonWindow,
    deeper_than,
    replaced_in,
)

_BOM: Final = codecs.BOM_UTF8
_BLOCK_BYTES: Final = 1024 * 1024


class JsonRecord(Struct, frozen=True):
    """A JSON object of a file.

    Attributes:
        number: the number of the line, or of the object in its array; the first is 1.
        value: the object.
        replaced: the number of invalid bytes that became U+FFFD.
    """

    number: int
    value: dict[str, Any]
    replaced: int = 0


class JsonProblem(Unreadable, frozen=True):
    """A record that is not a JSON object.

    Attributes:
        number: as in `JsonRecord`.
        torn: whether the file ends in the middle of the record, as a log does while its program is
            writing a line.
    """

    number: int = 0
    torn: bool = False


def json_lines(
    stream: BinaryIO, *, long_chars: int = LONG_CHARS
) -> Iterator[JsonRecord | JsonProblem]:
    """Yield the object of each line. Blank lines are skipped.

    Args:
        stream: the content of the file.
        long_chars: a line that is longer than this, in bytes, is read in blocks.
    """
    number = 0
    while line := stream.readline(long_chars):
        number += 1
        if not line.endswith(b"\n") and len(line) == long_chars:
            found = _long_line(stream, line)
            complete = False
        else:
            line = line.removeprefix(_BOM) if number == 1 else line
            complete = line.endswith(b"\n")
            found = _BLANK if line.isspace() else _parsed(*_text(line))
        if isinstance(found, str):
            torn = not complete and found == NOT_JSON and not stream.read(1)
            reason = CUT_OFF if torn else found
            yield JsonProblem(f"line {number}", reason, number, torn)
        elif found is not _BLANK:
            yield JsonRecord(number, *found)


def json_items(
    stream: BinaryIO, field: str = "", *, deep: bool = False, long_chars: int = LONG_CHARS
) -> Iterator[JsonRecord | JsonProblem]:
    """Yield the objects of an array one at a time.

    Args:
        stream: the content of the file: the array, or an object with the array in one field.
        field: the name of that field.
        deep: whether the objects may be nested deeper than `MAX_DEPTH`. If so, the caller must not
            process them by recursion.
        long_chars: an object that is longer than this, in characters, is read in blocks.
    """
    text = JsonWindow(stream, deep=deep, long_chars=long_chars)
    if text.character() == "{" and field and not text.go_to_field(field):
        return
    if text.character() != "[":
        return
    text.position += 1
    number = 0
    while text.character(SEPARATORS) not in {"", "]"}:
        number += 1
        yield _record(f"conversation {number}", number, text.record())
        if text.lost:
            return
    if text.character() == "":
        reason = "is missing, because the file ends in the middle of the array: export it again"
        yield JsonProblem("the rest", reason, number + 1, torn=True)


def json_document(
    stream: BinaryIO, *, deep: bool = False, long_chars: int = LONG_CHARS
) -> JsonRecord | JsonProblem:
    """Return the object that is the whole file. The arguments are those of `json_items`."""
    text = JsonWindow(stream, deep=deep, long_chars=long_chars)
    text.character()
    return _record("the file", 1, text.record())


_BLANK: Final[Found] = ({}, 0)


def _record(position: str, number: int, found: Found | str) -> JsonRecord | JsonProblem:
    if isinstance(found, str):
        return JsonProblem(position, found, number, torn=found == CUT_OFF)
    return JsonRecord(number, *found)


def _text(line: bytes) -> tuple[str, int]:
    """Return the text of a line, and the number of invalid bytes in it."""
    try:
        return line.decode(), 0
    except UnicodeDecodeError:
        text = line.decode(errors="replace")
        return text, replaced_in(text, line)


def _parsed(text: str, replaced: int) -> Found | str:
    """Return the object, or why the text is not one."""
    try:
        value = DECODER.decode(text)
    except RecursionError:
        return TOO_DEEP
    except ValueError:
        return NOT_JSON
    return _checked(value, text.count("[") + text.count("{"), replaced)


def _checked(value: object, brackets: int, replaced: int) -> Found | str:
    if not isinstance(value, dict):
        return NOT_OBJECT
    # The number of brackets is a cheap upper bound of the depth.
    if brackets > MAX_DEPTH and deeper_than(value, MAX_DEPTH):
        return TOO_DEEP
    return value, replaced


def _long_line(stream: BinaryIO, piece: bytes) -> Found | str:
    """Return the object of a line that begins with `piece`, or why it is not one."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    value, problem = LongValue(), ""
    replaced = 0
    while piece:
        text = decode(piece)
        replaced += replaced_in(text, piece)
        try:
            # A line that is too long is read to its end, but no longer kept in memory.
            if not problem and value.feed(text).strip():
                problem = NOT_JSON
        except TooLongError:
            problem = TOO_LONG
        if piece.endswith(b"\n"):
            break
        piece = stream.readline(_BLOCK_BYTES)
    return problem or _parsed(value.take(), replaced)
