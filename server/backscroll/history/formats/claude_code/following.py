"""Reads a Claude Code log, and later only the lines that were added to it."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from backscroll.history.conversation import Record, SourceConversation
from backscroll.history.formats.claude_code.index import Index
from backscroll.history.formats.claude_code.reading import Log
from backscroll.history.formats.claude_code.scan import Scan, scan
from backscroll.history.formats.continued import continued
from backscroll.history.reading.log_lines import IN_MEMORY, End, LogReader
from backscroll.history.source_file import SourceFile

_MOST_TURNS: Final = 1_000
"""The maximum number of messages that are read again because a later line belongs to them."""


class _Seen(Struct, frozen=True):
    """The main conversation as it was read.

    Attributes:
        facts: the conversation; its items are empty.
        kinds: what each line was.
        current: has 1 for each line of the current branch.
    """

    facts: SourceConversation
    kinds: bytes
    current: bytes


class Following:
    """A log of one conversation, without sub-agents, that goes on with the lines that are added."""

    def __init__(self) -> None:
        """Start before the first line."""
        self._scan = Scan(IN_MEMORY)
        self._seen: _Seen | None = None

    def read(self, file: SourceFile) -> Iterator[Record]:
        """Yield the conversations of the log, as `read` does."""
        with file.open() as stream:
            self._scan = scan(stream, IN_MEMORY)
        log = Log(file, self._scan)
        yield from self._scan.unreadable
        yield from log.conversations()
        self._note(log)

    def read_on(self, file: SourceFile, end: End) -> Sequence[Record] | None:
        """Return the new part of the conversation.

        The result is None if the lines that were read before have another meaning now, such as a
        branch that was abandoned, or if a sub-agent wrote to the log.
        """
        found, seen = self._scan, self._seen
        if seen is None:
            return None
        known = len(found.unreadable)
        with file.open() as stream:
            reader = LogReader(stream)
            reader.go_on_at(end)
            found.read(reader)
        log = Log(file, found)
        count = len(seen.kinds)
        if found.index.kinds[:count] != seen.kinds or log.current[:count] != seen.current:
            return None
        turns = log.turns()
        first = _first(found.index, turns, count)
        if len(turns) - first > _MOST_TURNS or not self._note(log):
            return None
        return continued(seen.facts, log.main(), log.items(turns[first:]), found.unreadable[known:])

    def _note(self, log: Log) -> bool:
        """Note what was read. Return whether the log can be followed."""
        found = self._scan
        found.turns = None  # the content of lines is read again
        self._seen = None
        if found.agents or found.prompts or not found.main.turns:
            return False
        self._seen = _Seen(log.main(), bytes(found.index.kinds), bytes(log.current))
        return True


def _first(index: Index, turns: Sequence[int], count: int) -> int:
    """Return where the messages begin that lines after the first `count` start or continue.

    The result is an index in `turns`. The blocks of a message can be on several lines, which are
    merged.
    """
    first = next((at for at, position in enumerate(turns) if position >= count), len(turns))
    while True:
        again = {index.messages[position] for position in turns[first:]} - {0}
        start = next((at for at in range(first) if index.messages[turns[at]] in again), first)
        if start == first:
            return first
        first = start
