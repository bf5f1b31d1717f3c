"""Reads a Codex log, and later only the lines that were added to it."""

from collections.abc import Iterator, Sequence

from backscroll.history.conversation import Record, SourceItem, Unreadable
from backscroll.history.formats.codex.reading import conversation_of, read, read_lines
from backscroll.history.formats.codex.thread import Thread
from backscroll.history.formats.continued import continued
from backscroll.history.reading.log_lines import End, LogReader
from backscroll.history.source_file import SourceFile


class Following:
    """A thread that goes on with the lines that are added to its log."""

    def __init__(self) -> None:
        """Start before the first line."""
        self._thread = Thread()

    def read(self, file: SourceFile) -> Iterator[Record]:
        """Yield the thread, as `read` does."""
        return read(file, thread=self._thread)

    def read_on(self, file: SourceFile, end: End) -> Sequence[Record] | None:
        """Return the new part of the thread, or None if turns that were read before are undone."""
        thread = self._thread
        before = conversation_of(file, thread)
        thread.has_bodies = True
        undone = len(thread.spans)
        items: list[SourceItem] = []
        unreadable: list[Unreadable] = []
        replaced = 0
        with file.open() as stream:
            reader = LogReader(stream)
            reader.go_on_at(end)
            for line, value, more in read_lines(reader, thread, unreadable):
                replaced += more
                items += thread.items(line.number, value)
                thread.take_back(line.number, value)
                if len(thread.spans) > undone:
                    return None
        after = conversation_of(file, thread, replaced=replaced)
        return continued(before, after, items, unreadable)
