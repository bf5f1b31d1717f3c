"""Reads a file of a source with the format of the source."""

from collections.abc import Iterator

from backscroll.history.formats.format import Record
from backscroll.history.formats.registry import format_named
from backscroll.history.opening import disk_file
from backscroll.history.sources.finding import FoundFile
from backscroll.history.sources.source import Source


def read_file(file: FoundFile, source: Source) -> Iterator[Record]:
    """Yield the conversations of a file, whose compression is undone.

    Args:
        file: the file.
        source: the source that the file belongs to.

    Raises:
        OSError: the file cannot be read.
    """
    yield from format_named(source.name).read(disk_file(file.path))
