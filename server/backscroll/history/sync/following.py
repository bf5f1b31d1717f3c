"""Reads only what was added to a log, if the same process has read the log before.

Programs add lines at the end of a log. A watch reads a long log of a running session again and
again, so it follows the logs that changed last: it keeps what their format needs to read on. A log
is read whole if anything but its end changed, which its hash tells, or if the store was changed by
another process.
"""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from msgspec import Struct

from backscroll.history.conversation import Record
from backscroll.history.files.disk_files import disk_file, is_compressed
from backscroll.history.formats.format import Follower
from backscroll.history.formats.registry import format_named
from backscroll.history.reading.log_lines import IN_MEMORY, End
from backscroll.history.sources.finding import FoundFile, Imported
from backscroll.history.sources.source import Source
from backscroll.history.sync.reading import read_file

if TYPE_CHECKING:
    from hashlib import _Hash as HASH
    from pathlib import Path

LEAST_BYTES: Final = 1_000_000
"""Shorter logs are always read whole, because that takes little time."""

MOST_LOGS: Final = 8
"""How many logs are followed."""

_CHUNK: Final = 1024 * 1024


class _Start(Struct, frozen=True):
    """The lines of a log that were read.

    Attributes:
        size: their length in bytes.
        lines: their number.
        hash: their hash.
        is_whole: whether the last one ends with a newline.
    """

    size: int
    lines: int
    hash: "HASH"
    is_whole: bool


_NOTHING: Final = _Start(0, 0, hashlib.sha256(), is_whole=False)


class _Followed(Struct, frozen=True):
    """A log that was read.

    Attributes:
        follower: reads on.
        file: the log as it was when it was read.
        start: its lines.
    """

    follower: Follower
    file: FoundFile
    start: _Start


class FollowedLogs:
    """Reads files like `read_file`, and follows the logs that were read last."""

    def __init__(self, least_bytes: int = LEAST_BYTES, most_logs: int = MOST_LOGS) -> None:
        """Start without any logs.

        Args:
            least_bytes: the minimum size of a log to follow, in bytes.
            most_logs: how many logs are followed.
        """
        self._least_bytes = least_bytes
        self._most_logs = most_logs
        self._logs: dict[Path, _Followed] = {}

    def __call__(self, file: FoundFile, source: Source) -> Iterator[Record]:
        """Yield the conversations of a file, or the new parts of them.

        Raises:
            OSError: the file cannot be read.
        """
        of = format_named(source.name)
        known = self._logs.pop(file.path, None)
        if of.follow is None or file.size < self._least_bytes or is_compressed(file.path):
            yield from read_file(file, source)
            return
        records = None
        if known is not None and _goes_on(known, file):
            end = End(known.start.size, known.start.lines)
            records = known.follower.read_on(disk_file(file.path), end)
        if known is not None and records is not None:
            yield from records
            self._keep(known.follower, file, known.start)
        else:
            follower = of.follow()
            yield from follower.read(disk_file(file.path))
            self._keep(follower, file, _NOTHING)

    def _keep(self, follower: Follower, file: FoundFile, read: _Start) -> None:
        with file.path.open("rb") as stream:
            stream.seek(read.size)
            start = _longer(read, stream, file.size)
        # If the log grew in the meantime, it is unknown how many of its lines were read.
        if start.is_whole and _is_unchanged(file):
            self._logs[file.path] = _Followed(follower, file, start)
            for path in list(self._logs)[: -self._most_logs]:
                del self._logs[path]


def _goes_on(known: _Followed, file: FoundFile) -> bool:
    """Return whether a log has only more lines than when it was read and imported."""
    was = known.file
    if file.imported != Imported(was.size, was.mtime_ns) or file.inode != was.inode:
        return False
    if not 0 < file.size - was.size <= IN_MEMORY:
        return False
    with file.path.open("rb") as stream:
        now = _longer(_NOTHING, stream, was.size)
    return now.hash.digest() == known.start.hash.digest()


def _longer(start: _Start, stream: BinaryIO, size: int) -> _Start:
    """Return the start of a log up to `size`. The stream is at the end of `start`."""
    total = start.hash.copy()
    left, lines, last = size - start.size, start.lines, b""
    while left and (chunk := stream.read(min(_CHUNK, left))):
        total.update(chunk)
        lines += chunk.count(b"\n")
        left -= len(chunk)
        last = chunk[-1:]
    return _Start(size - left, lines, total, last == b"\n")


def _is_unchanged(file: FoundFile) -> bool:
    status = file.path.stat()
    return (status.st_size, status.st_mtime_ns) == (file.size, file.mtime_ns)
