"""Reads a file of a source with the format of the source."""

from collections.abc import Iterator
from typing import Final

from backscroll.history.conversation import Unreadable
from backscroll.history.formats import claude_code
from backscroll.history.formats.format import Format, Record
from backscroll.history.source_file import SourceFile
from backscroll.history.sources.finding import FoundFile
from backscroll.history.sources.source import Source

_FORMATS: Final[dict[str, Format]] = {each.name: each for each in (claude_code.FORMAT,)}


def read_file(file: FoundFile, source: Source) -> Iterator[Record]:
    """Yield the conversations of a file.

    Args:
        file: the file.
        source: the source that the file belongs to.

    Raises:
        OSError: the file cannot be read.
    """
    known = _FORMATS.get(source.name)
    if known is None:
        yield Unreadable("the file", f"is of {source.words}, which cannot be read")
        return
    path = file.path
    modified_at = file.mtime_ns // 1_000_000_000
    yield from known.read(
        SourceFile(str(path), lambda: path.open("rb"), path, file.size, modified_at)
    )
