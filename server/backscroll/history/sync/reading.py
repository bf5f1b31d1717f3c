"""Reads the conversations of a file that was found on this machine."""

from collections.abc import Iterator

from backscroll.history.conversation import Record
from backscroll.history.files.disk_files import disk_file
from backscroll.history.formats.registry import format_named
from backscroll.history.sources.finding import FoundFile
from backscroll.history.sources.source import Source


def read_file(file: FoundFile, source: Source) -> Iterator[Record]:
    """Yield the conversations of a file, which is decompressed if necessary.

    If a database was imported before, and its format has `read_since`, only conversations that may
    have changed are read.

    Args:
        file: the file.
        source: the source that the file belongs to. Its name is the name of the file's format.

    Raises:
        OSError: the file cannot be read.
    """
    of = format_named(source.name)
    if of.read_since is not None and file.imported is not None:
        yield from of.read_since(disk_file(file.path), file.imported.mtime_ns // 1_000_000_000)
    else:
        yield from of.read(disk_file(file.path))
