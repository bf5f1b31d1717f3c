"""Parses one JSON value after another from a stream, of which only a window is in memory."""

import codecs
import json
import re
from typing import Any, BinaryIO, Final, TypeAlias

from backscroll.history.reading.json_events import nested_value
from backscroll.history.reading.json_text import LongValue, TooLongError, end_of_match

MAX_DEPTH: Final = 400
"""The maximum nesting of a record, so that `json.dumps` can write any part of it again."""

LONG_CHARS: Final = 16 * 1024 * 1024
"""Records that are longer than this, in characters, are read in blocks.

Reading in blocks is slower, but needs less memory.
"""

TOO_DEEP: Final = "is nested too deeply"
NOT_JSON: Final = "is not valid JSON"
NOT_OBJECT: Final = "is not a JSON object"
CUT_OFF: Final = "is cut off, because the file ends in the middle of it: export it again"
TOO_LONG: Final = "is too long: it has more than 64 MiB without its longest strings"

SEPARATORS: Final = re.compile(r"[ \t\r\n,]*")
"""The characters between the values of an array."""

# Python's parser accepts NaN and Infinity, which no database can store as JSON.
DECODER: Final = json.JSONDecoder(parse_constant=lambda _: None, strict=False)
"""Parses JSON as Python does, but NaN and Infinity become None.

Strings may contain control characters.
"""

_BLOCK_BYTES: Final = 1024 * 1024
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_LONGEST_TOKEN: Final = 32  # longer than `-Infinity` and any escape that the text can end in

Found: TypeAlias = tuple[dict[str, Any], int]
"""An object, and how many invalid bytes in it became U+FFFD."""


def deeper_than(value: object, limit: int) -> bool:
    """Return whether an object or array is nested deeper than a number of levels."""
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


def replaced_in(text: str, data: bytes) -> int:
    """Return how many U+FFFD in `text`, decoded from `data`, stand for invalid bytes."""
    return text.count("\ufffd") - data.count(b"\xef\xbf\xbd") if "\ufffd" in text else 0


class JsonWindow:
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
        while self.character(SEPARATORS) == '"':
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

    def record(self) -> Found | str:
        """Go to the end of the value at the position. Return it, or why it is not an object."""
        found = self._value()
        return NOT_OBJECT if not isinstance(found, str) and type(found[0]) is not dict else found

    def _value(self) -> tuple[Any, int] | str:
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self.position)
            except RecursionError:
                return self._slowly()
            except json.JSONDecodeError as error:
                pending = len(self._text) - self.position
                # Double the text, so that each character is parsed only about twice in total.
                goes_on = pending < self._long_chars and not _is_damaged(error)
                if not (goes_on and self._more(max(_BLOCK_BYTES, pending))):
                    return self._slowly()
                continue
            if end == len(self._text) and type(value) is not dict and self._more():
                continue  # more digits may follow
            start, self.position = self.position, end
            brackets = self._text.count("[", start, end) + self._text.count("{", start, end)
            return self._checked(value, brackets)

    def _slowly(self) -> tuple[Any, int] | str:
        """Read a value that is long, nested deeply or damaged, and go to its end."""
        found, block = LongValue(), self._text[self.position :]
        self.lost = True
        if block[:1] not in {"{", "[", '"'}:
            return NOT_JSON if block else CUT_OFF
        try:
            while not (rest := found.feed(block)) and not found.ended:
                self.position = len(self._text)
                if not self._more():
                    return CUT_OFF
                block = self._text
        except TooLongError:
            return TOO_LONG
        self._text, self.position = rest, 0
        self.lost = False
        text = found.take()
        try:
            value = DECODER.decode(text)
        except RecursionError:
            value = nested_value(text) if self._deep else None
            if value is None:
                return TOO_DEEP
        except ValueError:
            return NOT_JSON
        return self._checked(value, text.count("[") + text.count("{"))

    def _checked(self, value: object, brackets: int) -> tuple[Any, int] | str:
        if not self._deep and brackets > MAX_DEPTH and deeper_than(value, MAX_DEPTH):
            return TOO_DEEP
        replaced, self._replaced = self._replaced, 0
        return value, replaced

    def _more(self, size: int = _BLOCK_BYTES) -> bool:
        """Read up to `size` more bytes, and drop the text before the position."""
        if self._at_end:
            return False
        data = self._stream.read(size)
        self._at_end = not data
        text = self._decoder.decode(data, final=self._at_end)
        self._replaced += replaced_in(text, data)
        self._text = self._text[self.position :] + text
        self.position = 0
        return not self._at_end or bool(text)


def _is_damaged(error: json.JSONDecodeError) -> bool:
    """Return whether the text is invalid at the error, rather than cut off there."""
    near_end = error.pos >= len(error.doc) - _LONGEST_TOKEN
    return not near_end and not error.msg.startswith("Unterminated string")
