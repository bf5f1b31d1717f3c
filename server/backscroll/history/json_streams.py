"""Reads large JSON with bounded memory: JSON Lines, arrays object by object, and documents.

    for record in json_lines(stream):
        if isinstance(record, JsonProblem):
            yield record
        else:
            record.number, record.value

Invalid UTF-8 becomes U+FFFD. Records that are longer than `LONG_CHARS` lose the middle of each
string over 1 MiB. Both are counted in the record.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from backscroll.history.conversation import Unreadable
from backscroll.history.json_events import nested_value
from backscroll.history.json_text import LongValue, TooLongError, end_of_match

MAX_DEPTH: Final = 400
"""The maximum nesting of a record, so that `json.dumps` can write any part of it again."""

LONG_CHARS: Final = 16 * 1024 * 1024
"""A longer record is read in blocks, which takes longer but bounds the memory."""

_BOM: Final = codecs.BOM_UTF8
_BLOCK_BYTES: Final = 1024 * 1024
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_SEPARATORS: Final = re.compile(r"[ \t\r\n,]*")
# Python's parser accepts NaN and Infinity, which no database can store as JSON.
_DECODER: Final = json.JSONDecoder(parse_constant=lambda _: None, strict=False)
_LONGEST_TOKEN: Final = 32  # of those that the end of the text can cut: `-Infinity`, an escape
_TOO_DEEP: Final = "is nested too deeply"
_NOT_JSON: Final = "is not valid JSON"
_NOT_OBJECT: Final = "is not a JSON object"
_CUT_OFF: Final = "is cut off, because the file ends in the middle of it: export it again"
_TOO_LONG: Final = "is too long: it has more than 64 MiB without its longest strings"


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """A JSON object of a file.

    Attributes:
        number: the number of the line, or of the object in its array; the first is 1.
        value: the object.
        offset: the position of the line in the file, in bytes; 0 if it is not a line.
        cut: the number of strings whose middle was left out, because the record is very long.
        replaced: the number of invalid bytes that became U+FFFD.
    """

    number: int
    value: dict[str, Any]
    offset: int = 0
    cut: int = 0
    replaced: int = 0


@dataclass(frozen=True, slots=True)
class JsonProblem(Unreadable):
    """A record that is not a JSON object.

    Attributes:
        number: as in `JsonRecord`.
        offset: as in `JsonRecord`.
        torn: whether the file ends in the middle of the record, as a log does while its program is
            writing a line.
    """

    number: int = 0
    offset: int = 0
    torn: bool = False


def json_lines(
    stream: BinaryIO, *, long_chars: int = LONG_CHARS
) -> Iterator[JsonRecord | JsonProblem]:
    """Yield the object of each line. Blank lines are skipped.

    Args:
        stream: the content of the file.
        long_chars: the length of a line, in bytes, from which it is read in blocks.
    """
    number = offset = 0
    while line := stream.readline(long_chars):
        number += 1
        size = len(line)
        if not line.endswith(b"\n") and size == long_chars:
            found, more = _long_line(stream, line)
            size += more
            complete = False
        else:
            line = line.removeprefix(_BOM) if number == 1 else line
            complete = line.endswith(b"\n")
            found = _BLANK if line.isspace() else _parsed(*_text(line))
        if isinstance(found, str):
            torn = not complete and found == _NOT_JSON and not stream.read(1)
            reason = _CUT_OFF if torn else found
            yield JsonProblem(f"line {number}", reason, number, offset, torn)
        elif found is not _BLANK:
            value, cut, replaced = found
            yield JsonRecord(number, value, offset, cut, replaced)
        offset += size


def json_items(
    stream: BinaryIO, field: str = "", *, deep: bool = False, long_chars: int = LONG_CHARS
) -> Iterator[JsonRecord | JsonProblem]:
    """Yield the objects of an array one at a time.

    Args:
        stream: the content of the file, which is the array, or an object that has it in a field.
        field: the name of that field.
        deep: whether the objects may be nested deeper than `MAX_DEPTH`. The reader
            must not use recursion then.
        long_chars: the length of an object, in characters, from which it is read in blocks.
    """
    text = _Text(stream, deep=deep, long_chars=long_chars)
    if text.character() == "{" and field and not text.go_to_field(field):
        return
    if text.character() != "[":
        return
    text.position += 1
    number = 0
    while text.character(_SEPARATORS) not in {"", "]"}:
        number += 1
        yield _record(f"conversation {number}", number, text.record())
        if text.lost:
            return
    if text.character() == "":
        reason = "is missing, because the file ends in the middle of the array: export it again"
        yield JsonProblem("the rest", reason, number + 1, 0, torn=True)


def json_document(
    stream: BinaryIO, *, deep: bool = False, long_chars: int = LONG_CHARS
) -> JsonRecord | JsonProblem:
    """Return the object that is the whole file. The arguments are those of `json_items`."""
    text = _Text(stream, deep=deep, long_chars=long_chars)
    text.character()
    return _record("the file", 1, text.record())


_Found = tuple[dict[str, Any], int, int]
"""An object, and the `cut` and `replaced` of its record."""

_BLANK: Final[_Found] = ({}, 0, 0)


def _record(position: str, number: int, found: _Found | str) -> JsonRecord | JsonProblem:
    if isinstance(found, str):
        return JsonProblem(position, found, number, 0, torn=found == _CUT_OFF)
    value, cut, replaced = found
    return JsonRecord(number, value, 0, cut, replaced)


def _text(line: bytes) -> tuple[str, int]:
    """Return the text of a line, and the number of invalid bytes in it."""
    try:
        return line.decode(), 0
    except UnicodeDecodeError:
        text = line.decode(errors="replace")
        return text, _replaced(text, line)


def _parsed(text: str, replaced: int = 0, cut: int = 0) -> _Found | str:
    """Return the object, or why there is none."""
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        return _NOT_JSON
    return _checked(value, text.count("[") + text.count("{"), cut, replaced)


def _checked(value: object, brackets: int, cut: int, replaced: int) -> _Found | str:
    if not isinstance(value, dict):
        return _NOT_OBJECT
    # The number of brackets is a cheap upper bound of the depth.
    if brackets > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        return _TOO_DEEP
    return value, cut, replaced


def _deeper_than(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)  # type: ignore[attr-defined]  # all are containers
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


def _long_line(stream: BinaryIO, piece: bytes) -> tuple[_Found | str, int]:
    """Return the object of a line that begins with `piece`, and the number of further bytes."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    value, problem = LongValue(), ""
    size = replaced = 0
    while piece:
        text = decode(piece)
        replaced += _replaced(text, piece)
        try:
            # The rest of a line that is too long is read, but no longer kept.
            if not problem and value.feed(text).strip():
                problem = _NOT_JSON
        except TooLongError:
            problem = _TOO_LONG
        if piece.endswith(b"\n"):
            break
        piece = stream.readline(_BLOCK_BYTES)
        size += len(piece)
    return problem or _parsed(value.take(), replaced, value.cut), size


def _replaced(text: str, data: bytes) -> int:
    """Return how many U+FFFD of a text were not in its UTF-8."""
    return text.count("\ufffd") - data.count(b"\xef\xbf\xbd") if "\ufffd" in text else 0


class _Text:
    """The text of a stream, of which only the part around the current position is in memory.

    Attributes:
        position: the current position in the text in memory.
        lost: whether the end of the last value was not found, so that nothing more can be read.
    """

    def __init__(self, stream: BinaryIO, *, deep: bool, long_chars: int) -> None:
        self.position = 0
        self.lost = False
        self._stream = stream
        self._deep = deep
        self._long_chars = long_chars
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._text = ""
        self._replaced = 0
        self._at_end = False

    def character(self, skipped: re.Pattern[str] = _SPACE) -> str:
        """Skip what the pattern matches. Return the next character; empty at the end."""
        while True:
            self.position = end_of_match(skipped, self._text, self.position)
            if self.position < len(self._text):
                return self._text[self.position]
            if not self._more():
                return ""

    def go_to_field(self, field: str) -> bool:
        """Go from the start of an object to the value of a field. Return whether it exists."""
        self.position += 1
        while self.character(_SEPARATORS) == '"':
            name = self._value()
            if isinstance(name, str) or self.character() != ":":
                return False
            self.position += 1
            self.character()
            if name[0] == field:
                return True
            self._value()
            if self.lost:
                return False
        return False

    def record(self) -> _Found | str:
        """Return the object at the current position, or why there is none. Go to its end."""
        found = self._value()
        return _NOT_OBJECT if not isinstance(found, str) and type(found[0]) is not dict else found

    def _value(self) -> tuple[Any, int, int] | str:
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self.position)
            except RecursionError:
                return self._slowly()
            except json.JSONDecodeError as error:
                pending = len(self._text) - self.position
                # Read as much again, so that each character is parsed twice on average.
                goes_on = pending < self._long_chars and not _is_damaged(error)
                if not (goes_on and self._more(max(_BLOCK_BYTES, pending))):
                    return self._slowly()
                continue
            if end == len(self._text) and type(value) is not dict and self._more():
                continue  # more digits may follow
            start, self.position = self.position, end
            brackets = self._text.count("[", start, end) + self._text.count("{", start, end)
            return self._checked(value, brackets, 0)

    def _slowly(self) -> tuple[Any, int, int] | str:
        """Read a value that is long, nested deeply or damaged, and go to its end."""
        found, block = LongValue(), self._text[self.position :]
        self.lost = True
        if block[:1] not in {"{", "[", '"'}:
            return _NOT_JSON if block else _CUT_OFF
        try:
            while not (rest := found.feed(block)) and not found.ended:
                self.position = len(self._text)
                if not self._more():
                    return _CUT_OFF
                block = self._text
        except TooLongError:
            return _TOO_LONG
        self._text, self.position = rest, 0
        self.lost = False
        text = found.take()
        try:
            value = _DECODER.decode(text)
        except RecursionError:
            value = nested_value(text) if self._deep else None
            if value is None:
                return _TOO_DEEP
        except ValueError:
            return _NOT_JSON
        return self._checked(value, text.count("[") + text.count("{"), found.cut)

    def _checked(self, value: object, brackets: int, cut: int) -> tuple[Any, int, int] | str:
        if not self._deep and brackets > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
            return _TOO_DEEP
        replaced, self._replaced = self._replaced, 0
        return value, cut, replaced

    def _more(self, size: int = _BLOCK_BYTES) -> bool:
        """Read up to `size` more bytes, and drop the text before the position."""
        if self._at_end:
            return False
        data = self._stream.read(size)
        self._at_end = not data
        text = self._decoder.decode(data, final=self._at_end)
        self._replaced += _replaced(text, data)
        self._text = self._text[self.position :] + text
        self.position = 0
        return not self._at_end or bool(text)


def _is_damaged(error: json.JSONDecodeError) -> bool:
    """Return whether the text is invalid at the error, instead of ending there."""
    near_end = error.pos >= len(error.doc) - _LONGEST_TOKEN
    return not near_end and not error.msg.startswith("Unterminated string")
