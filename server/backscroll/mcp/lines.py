"""Splits bytes into lines as they arrive. A line that is too long is not kept in memory."""

from dataclasses import dataclass
from typing import Final

LINE_BYTES: Final = 4 * 1024 * 1024
"""The maximum length of a line without its newline, in bytes. The SDK's limit for HTTP bodies is
the same."""

EDGE_BYTES: Final = 1024
"""The number of bytes that are kept from each end of a line that is too long."""


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line that is too long.

    Attributes:
        start: the line's first 1,024 bytes.
        end: the line's last 1,024 bytes.
        size: the line's length in bytes.
    """

    start: bytes
    end: bytes
    size: int


class Lines:
    """Splits chunks of bytes into lines.

    Args:
        limit: the maximum length of a line, in bytes; 4 MiB by default.
    """

    def __init__(self, limit: int = LINE_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._kept = bytearray()
        self._start = b""

    @property
    def pending(self) -> bool:
        """Whether a line has begun but not ended."""
        return self._size > 0

    def feed(self, chunk: bytes) -> list[bytes | Overlong]:
        """Return the lines that a chunk completes, without their newlines."""
        *endings, beginning = chunk.split(b"\n")
        lines: list[bytes | Overlong] = []
        for ending in endings:
            self._add(ending)
            lines.append(self.rest())
        self._add(beginning)
        return lines

    def rest(self) -> bytes | Overlong:
        """Return the bytes after the last newline, and remove them from the buffer."""
        kept, start, size = bytes(self._kept), self._start, self._size
        self._size, self._kept, self._start = 0, bytearray(), b""
        return kept if size <= self._limit else Overlong(start, kept, size)

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        self._start += piece[: EDGE_BYTES - len(self._start)]
        self._kept += piece
        if self._size > self._limit:
            del self._kept[:-EDGE_BYTES]
