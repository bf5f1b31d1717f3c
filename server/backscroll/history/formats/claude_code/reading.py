"""Reads the main conversation of a Claude Code log, and the conversations of its sub-agents."""

import errno
import re
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from operator import attrgetter
from pathlib import PurePath
from typing import Final

from backscroll.history.conversation import Record, SourceConversation, SourceItem, Unreadable
from backscroll.history.formats.claude_code.blocks import Blocks
from backscroll.history.formats.claude_code.index import NONE, Kind
from backscroll.history.formats.claude_code.scan import Scan, scan
from backscroll.history.formats.claude_code.session import Prompt, Session
from backscroll.history.formats.claude_code.tree import abandoned_branches, current_lines
from backscroll.history.formats.claude_code.turns import Turn, turn_of
from backscroll.history.items import log_items
from backscroll.history.reading.log_lines import IN_MEMORY, LogReader, parsed
from backscroll.history.reading.times import whole_seconds
from backscroll.history.source_file import SourceFile
from backscroll.history.streamed_items import StreamedItems

NAME: Final = "claude-code"

_BY_TIME: Final = attrgetter("time")
_AT_END: Final = -1
_MOST_BRANCHES: Final = 100  # a limit, because finding each branch takes a pass over all lines
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read(
    file: SourceFile, *, branches: bool = False, in_memory: int = IN_MEMORY
) -> Iterator[Record]:
    """Yield the main conversation of a log, then the conversations of its sub-agents.

    Args:
        file: the log.
        branches: whether to yield, at the end, also the abandoned branches of the main
            conversation. A branch lacks the items that were already yielded before it.
        in_memory: a limit for the total length of the lines with messages, in bytes. Up to it, the
            items stay in memory. Above it, they are read again whenever they are used.

    Raises:
        OSError: the log cannot be read.
    """
    with file.open() as stream:
        found = scan(stream, in_memory)
    log = Log(file, found)
    yield from found.unreadable
    yield from log.conversations()
    if branches:
        yield from log.branches()


class Log:
    """A log after its scan. Content that the scan did not keep in memory is read again.

    Attributes:
        current: has 1 at the position of each line of the current branch.
    """

    def __init__(self, file: SourceFile, found: Scan) -> None:
        self._file = file
        self._found = found
        leaf = found.index.position_of(found.last_leaf)
        self.current = current_lines(found.index, leaf)
        stem = PurePath(file.name).name.partition(".")[0].lower()
        self._id = stem if _UUID.fullmatch(stem) else found.main.session or stem

    def conversations(self) -> Iterator[SourceConversation]:
        """Yield the main conversation, then those of sub-agents."""
        found = self._found
        if found.main.turns or found.prompts:
            items = self._items(self.turns(), found.prompts)
            if items:
                yield self.main(items)
        for agent, positions in self._agent_lines():
            session = agent.session or self._id
            items = self._items(positions)
            if items:
                agent_id = f"{session}/{agent.agent}"
                yield self._conversation(agent, agent_id, items, agent.prompt, session)

    def main(self, items: Sequence[SourceItem] = ()) -> SourceConversation:
        """Return the main conversation with these items."""
        found = self._found
        parent = found.main.forked_from
        parent = "" if parent == self._id else parent
        return self._conversation(found.main, self._id, items, found.title(), parent)

    def turns(self) -> Sequence[int]:
        """Return the positions of the messages of the current branch."""
        return _chosen(self._found.index.kinds, self.current)

    def items(self, positions: Sequence[int]) -> Sequence[SourceItem]:
        """Return the items of messages at these positions.

        Raises:
            OSError: the log cannot be read.
        """
        return tuple(self._items(positions))

    def branches(self) -> Iterator[Record]:
        """Yield the abandoned branches of the main conversation, newest branch first."""
        found = self._found
        abandoned = abandoned_branches(found.index, self.current)
        for number, branch in enumerate(abandoned, 1):
            if number > _MOST_BRANCHES:
                reason = "and all further branches were left out, because there are too many"
                yield Unreadable(f"branch {number}", reason)
                return
            items = self._items(_chosen(found.index.kinds, branch))
            if items:
                branch_id = f"{self._id}/{items[0].key}"
                yield self._conversation(
                    found.main, branch_id, items, found.title(), self._id, number
                )

    def _agent_lines(self) -> Iterator[tuple[Session, Sequence[int]]]:
        index = self._found.index
        lines: dict[int, array[int]] = {}
        if self._found.agents:
            for position, group in enumerate(index.groups):
                if group != NONE and index.kinds[position] == Kind.TURN:
                    lines.setdefault(group, array("i")).append(position)
        for group, positions in lines.items():
            yield self._found.agents[group], positions

    def _conversation(  # noqa: PLR0913, PLR0917 - all of these differ between the conversations of a log
        self,
        session: Session,
        identifier: str,
        items: Sequence[SourceItem],
        title: str,
        parent: str,
        branch: int = 0,
    ) -> SourceConversation:
        facts = {
            "git_branch": session.git_branch,
            "version": session.version,
            "agent": session.agent,
        }
        return SourceConversation(
            source=NAME,
            id=identifier,
            items=items,
            title=title,
            created_at=whole_seconds(session.period.first_ms),
            updated_at=whole_seconds(session.period.last_ms),
            project=session.project,
            model=session.model,
            parent=parent,
            metadata={name: fact for name, fact in facts.items() if fact},
            has_shared_keys=not branch and not session.agent,
            branch=branch,
            replaced=session.replaced,
        )

    def _items(
        self, positions: Sequence[int], prompts: Sequence[Prompt] = ()
    ) -> Sequence[SourceItem]:
        placed = _placed(positions, self._found.index.times, prompts)

        def read_items() -> Iterator[SourceItem]:
            return self._read_items(positions, placed)

        return StreamedItems(read_items) if self._found.turns is None else tuple(read_items())

    def _read_items(
        self, positions: Sequence[int], placed: Mapping[int, Sequence[SourceItem]]
    ) -> Iterator[SourceItem]:
        times = self._found.index.times
        blocks = Blocks()
        for position, turn in self._turns(positions):
            if position in placed:
                yield from blocks.rest()
                yield from placed[position]
            time = times[position]
            created_at = None if time < 0 else whole_seconds(time)
            yield from blocks.add(turn.uuid, turn.message, turn.bodies, created_at)
        yield from blocks.rest()
        yield from placed.get(_AT_END, ())

    def _turns(self, positions: Sequence[int]) -> Iterator[tuple[int, Turn]]:
        turns = self._found.turns
        if turns is not None:
            yield from ((position, turns[position]) for position in positions)
            return
        offsets = self._found.index.offsets
        with self._file.open() as stream:
            reader = LogReader(stream)
            for position in positions:
                value, _ = parsed(reader.line_at(offsets[position]).raw)
                if value is None:
                    raise OSError(errno.EIO, "the file was changed while it was read")
                yield position, turn_of(value, position)


def _chosen(kinds: bytearray, lines: bytearray) -> Sequence[int]:
    both = enumerate(zip(kinds, lines, strict=True))
    return array("i", (at for at, (kind, is_in) in both if is_in and kind == Kind.TURN))


def _placed(
    positions: Sequence[int], times: Sequence[int], prompts: Sequence[Prompt]
) -> Mapping[int, Sequence[SourceItem]]:
    """Return where to insert prompts: for the position of a line, the items to insert before it.

    A prompt is inserted before the first line that is later than the prompt. If no line is later,
    `_AT_END` stands in place of the position.
    """
    placed: defaultdict[int, list[SourceItem]] = defaultdict(list)
    if not prompts:
        return placed
    latest = list(accumulate((times[position] for position in positions), max))
    for prompt in sorted({(each.time, each.text): each for each in prompts}.values(), key=_BY_TIME):
        at = bisect_right(latest, prompt.time)
        position = positions[at] if at < len(positions) else _AT_END
        digest = sha256(prompt.text.encode()).hexdigest()[:16]
        placed[position].append(
            SourceItem(
                key=log_items.item_key("prompt", prompt.time, digest),
                item=log_items.message("user", prompt.text),
                created_at=whole_seconds(prompt.time),
            )
        )
    return placed
