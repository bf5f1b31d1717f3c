"""Reads the lines of a session log: JSON Lines, to which its program may still add lines."""

import errno
import io
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, BinaryIO, Final, NamedTuple, cast

from pydantic_core import from_json

from backscroll.history.conversation import Unreadable
from backscroll.history.reading.long_lines import TooManyValuesError, shortened

IN_MEMORY: Final = 16 * 1024 * 1024
"""The items of a log stay in memory if the lines with items have at most this many bytes."""

_MOST_UNREADABLE: Final = 20
_CHUNK: Final = 256 * 1024
_CONTROL: Final = bytes(range(32))
_NUL: Final = b"\\u0000"
_SPACES: Final = bytes.maketrans(_CONTROL, b" " * len(_CONTROL))
_ESCAPE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2}))|\\."
)


Skips = Callable[[bytes], bool]
"""Returns whether a line is not needed, given its first bytes."""


class LogLine(NamedTuple):
    """A line of a log.

    Attributes:
        number: the line's number; the first one is 1. 0 if the line was not read in order.
        offset: where it starts, in bytes from the start of the log.
        raw: the line with its newline. Its long strings are cut if it was too long for memory.
        has_end: whether the line ends with a newline. The last line has none while its program is
            writing it.
        is_too_long: whether the line is too long even with its strings cut. `raw` is empty then.
    """

    number: int
    offset: int
    raw: bytes
    has_end: bool = True
    is_too_long: bool = False


class End(NamedTuple):
    """Where the lines that were read end.

    Attributes:
        offset: in bytes from the start of the log.
        lines: the number of lines before it.
    """

    offset: int
    lines: int


class LogReader:
    """Reads lines of a log in bounded memory.

    Attributes:
        offset: the offset of the next line, in bytes.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        whole_bytes: int = 4 * 1024 * 1024,
        most_bytes: int = 24 * 1024 * 1024,
    ) -> None:
        """Start at the first line.

        Args:
            stream: the log, at its start.
            whole_bytes: the maximum length of a line that is read as it is, in bytes. The long
                strings of longer lines are cut.
            most_bytes: the maximum length of a line after its long strings were cut, in bytes.
        """
        is_buffered = isinstance(stream, io.BufferedReader)
        raw = cast("io.RawIOBase", stream)
        self._buffered = stream if is_buffered else io.BufferedReader(raw, _CHUNK)
        self._readline = self._buffered.readline
        self._whole_bytes = whole_bytes
        self._most_bytes = most_bytes
        self._number = 0
        self.offset = 0

    def go_on_at(self, end: End) -> None:
        """Start after the lines that were read before. The log must be seekable."""
        self._go_to(end.offset)
        self._number = end.lines

    def lines(self, skips: Skips | None = None) -> Iterator[LogLine]:
        """Yield the lines in order, except those for which `skips` returns true."""
        readline, whole_bytes = self._readline, self._whole_bytes
        number = self._number
        while raw := readline(whole_bytes):
            number += 1
            has_end = raw.endswith(b"\n")
            offset = self.offset
            self.offset += len(raw)
            is_whole = has_end or len(raw) < whole_bytes
            if skips is not None and skips(raw):
                if not is_whole:
                    _read_all(self._rest())
            elif is_whole:
                yield LogLine(number, offset, raw, has_end)
            else:
                yield self._long(number, offset, raw, self._rest())

    def document(self) -> Iterator[LogLine]:
        """Yield the whole file as one line, unless it is empty."""
        start = self._buffered.read(self._whole_bytes)
        self.offset += len(start)
        if 0 < len(start) < self._whole_bytes:
            yield LogLine(1, 0, start)
        elif start:
            yield self._long(1, 0, start, self._rest_of_file())

    def line_at(self, offset: int) -> LogLine:
        """Return the line that starts at an offset.

        Args:
            offset: in bytes; not less than the reader's `offset` if the log is not seekable.
        """
        self._go_to(offset)
        raw = self._readline(self._whole_bytes)
        self.offset += len(raw)
        if raw.endswith(b"\n") or len(raw) < self._whole_bytes:
            return LogLine(0, offset, raw, raw.endswith(b"\n"))
        return self._long(0, offset, raw, self._rest())

    def _go_to(self, offset: int) -> None:
        if offset != self.offset and self._buffered.seekable():
            self._buffered.seek(offset)
            self.offset = offset
        while self.offset < offset:
            passed = self._buffered.read(min(_CHUNK, offset - self.offset))
            self.offset += len(passed)
            if not passed:
                raise OSError(errno.EIO, "the file became shorter while it was read")
        if self.offset > offset:
            raise OSError(errno.ESPIPE, "the file can only be read from its start to its end")

    def _long(self, number: int, offset: int, start: bytes, rest: Iterator[bytes]) -> LogLine:
        try:
            return LogLine(number, offset, shortened(chain([start], rest), self._most_bytes))
        except TooManyValuesError:
            _read_all(rest)
            return LogLine(number, offset, b"", is_too_long=True)

    def _rest(self) -> Iterator[bytes]:
        while chunk := self._readline(_CHUNK):
            self.offset += len(chunk)
            yield chunk
            if chunk.endswith(b"\n"):
                return

    def _rest_of_file(self) -> Iterator[bytes]:
        while chunk := self._buffered.read(_CHUNK):
            self.offset += len(chunk)
            yield chunk


def _read_all(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


def parsed(raw: bytes) -> tuple[dict[str, Any] | None, int]:
    """Return the object in a line, and how many of its characters were replaced by U+FFFD.

    Escaped NUL characters, lone surrogates and bytes that are not UTF-8 are replaced. The object is
    None if the line contains anything other than one object, or more than 200 levels of nesting.
    """
    if _NUL not in raw:
        try:
            value = from_json(raw, cache_strings="keys")
        except ValueError:
            pass
        else:
            return (value if isinstance(value, dict) else None), 0
    return _repaired(raw.strip(b"\0 \t\r\n"))


def why_unreadable(line: LogLine) -> str:
    """Return why `parsed` could not read a line.

    The text is empty if there is nothing to report: the line is blank, or is still being written.
    """
    if line.is_too_long:
        return "is too long, even without its longest texts, and was left out"
    if not line.has_end or not line.raw.strip(b"\0 \t\r\n"):
        return ""
    return "is not a JSON object, and was left out"


def note_unreadable(
    unreadable: list[Unreadable], line: LogLine, reason: str, position: str = ""
) -> None:
    """Add why a line was left out. Nothing is added after 20 such lines of a log.

    Args:
        unreadable: the lines of the same log that were left out before.
        line: the line.
        reason: as in `Unreadable`; empty to add nothing.
        position: as in `Unreadable`; empty for the number of the line.
    """
    if reason and len(unreadable) < _MOST_UNREADABLE:
        unreadable.append(Unreadable(position or f"line {line.number}", reason))


def _repaired(raw: bytes) -> tuple[dict[str, Any] | None, int]:
    replaced = 0

    def replacement(found: re.Match[bytes]) -> bytes:
        nonlocal replaced
        if found[1] is None:
            return found[0]
        replaced += 1
        return b"\\ufffd"

    if b"\\u" in raw:
        raw = _ESCAPE.sub(replacement, raw)
    text = raw.translate(_SPACES).decode(errors="replace")
    replaced += text.count("\ufffd") - raw.count("\ufffd".encode())
    try:
        value = from_json(text, cache_strings="keys")
    except ValueError:
        return None, 0
    return (value if isinstance(value, dict) else None), replaced
