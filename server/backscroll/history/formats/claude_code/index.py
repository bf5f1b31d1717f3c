"""The kinds of the lines of a Claude Code log, and the links between them, without content.

A log can have millions of lines. An index keeps about 50 bytes for each line in arrays. The content
of a line is read again when it is needed.
"""

from array import array
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from msgspec import Struct, field

NONE: Final = -1
"""As a position: there is no such line. As a group: no sub-agent wrote the line."""

_UNKNOWN: Final = -2
_GENERATION: Final = 150_000
_PART: Final = 400_000


class Kind(IntEnum):
    """The kinds of lines."""

    BOOKKEEPING = 0
    """A line that is not part of the tree (see `tree`), or that repeats an earlier line."""
    LINK = 1
    """A line of the tree without a message, such as a `system` or `progress` line."""
    TURN = 2
    """A message of the user or the assistant."""
    HIDDEN = 3
    """A message that the program wrote for the model."""


class Link(NamedTuple):
    """How a line is linked to others.

    Attributes:
        kind: what the line is.
        offset: where it starts, in bytes.
        uuid: its id; empty if it has none.
        parent: the id of the line that it continues; empty if it has none.
        is_boundary: whether the line, if it has no parent, continues the last line of the main
            conversation. An example is the first line after a compaction.
        is_output: whether it contains a tool's output.
        message: the id of the assistant's message of which the line is a block; empty if unknown.
        calls: the ids of the tool calls that it makes, or whose output it contains.
        time: when it was written, in Unix milliseconds; None if unknown.
        group: the number of the sub-agent that wrote it, or `NONE`.
    """

    kind: Kind
    offset: int = 0
    uuid: str = ""
    parent: str = ""
    is_boundary: bool = False
    is_output: bool = False
    message: str = ""
    calls: tuple[str, ...] = ()
    time: int | None = None
    group: int = NONE


class Index(Struct):
    """The lines of a log. Each attribute has a value for each line, by the line's position, from 0.

    Each id is kept as a 64-bit hash. The hash is 0 if a line has no such id.

    Attributes:
        kinds: what each line is.
        offsets: where each line starts, in bytes; 0 for lines that only `skip_to` added.
        uuids: the id of each line.
        parents: the position of each line's parent, which is always an earlier line, or `NONE`.
        messages: the id of the assistant's message of which a line is a block.
        calls: the id of the first tool call that a line makes, or whose output it contains.
        more_calls: the ids of a line's tool calls after the first; only for lines with several.
        outputs: 1 for each line that contains a tool's output.
        times: when each line was written, in Unix milliseconds; -1 if unknown.
        groups: the number of the sub-agent that wrote a line, or `NONE`.
    """

    kinds: bytearray = field(default_factory=bytearray)
    offsets: "array[int]" = field(default_factory=lambda: array("q"))
    uuids: "array[int]" = field(default_factory=lambda: array("q"))
    parents: "array[int]" = field(default_factory=lambda: array("i"))
    messages: "array[int]" = field(default_factory=lambda: array("q"))
    calls: "array[int]" = field(default_factory=lambda: array("q"))
    more_calls: dict[int, tuple[int, ...]] = field(default_factory=dict)
    outputs: bytearray = field(default_factory=bytearray)
    times: "array[int]" = field(default_factory=lambda: array("q"))
    groups: "array[int]" = field(default_factory=lambda: array("i"))
    _known: dict[int, int] = field(default_factory=dict)
    _known_before: dict[int, int] = field(default_factory=dict)
    _unknown: list[tuple[int, int]] = field(default_factory=list)
    _last: int = NONE

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.kinds)

    def skip_to(self, position: int) -> None:
        """Add bookkeeping lines, so that the next line gets this position."""
        missing = position - len(self.kinds)
        if missing > 0:
            self.kinds.extend(bytes(missing))
            self.outputs.extend(bytes(missing))
            for numbers, empty in (
                (self.offsets, 0),
                (self.uuids, 0),
                (self.messages, 0),
                (self.calls, 0),
                (self.parents, NONE),
                (self.times, -1),
                (self.groups, NONE),
            ):
                numbers.extend([empty] * missing)

    def add(self, link: Link) -> None:
        """Add a line."""
        position = len(self.kinds)
        uuid = _hash(link.uuid)
        calls = tuple(map(_hash, link.calls))
        self.kinds.append(link.kind)
        self.offsets.append(link.offset)
        self.uuids.append(uuid)
        self.parents.append(self._parent(position, link))
        self.messages.append(_hash(link.message))
        self.calls.append(calls[0] if calls else 0)
        if len(calls) > 1:
            self.more_calls[position] = calls[1:]
        self.outputs.append(link.is_output)
        self.times.append(-1 if link.time is None else link.time)
        self.groups.append(link.group)
        if not uuid:
            return
        if link.group == NONE:
            self._last = position
        self._known.setdefault(uuid, position)
        if len(self._known) >= _GENERATION:
            self._known, self._known_before = {}, self._known

    def calls_of(self, position: int) -> Iterator[int]:
        """Yield the ids of all tool calls of a line."""
        if first := self.calls[position]:
            yield first
            yield from self.more_calls.get(position, ())

    def position_of(self, uuid: str) -> int:
        """Return the position of the first line whose id is `uuid`, or `NONE`."""
        wanted = _hash(uuid)
        try:
            return self.uuids.index(wanted) if wanted else NONE
        except ValueError:
            return NONE

    def group_of(self, uuid: str) -> int:
        """Return the number of the sub-agent that wrote the line whose id is `uuid`, or `NONE`.

        Only recent lines are known: at least the last `_GENERATION` lines that have ids.
        """
        wanted = _hash(uuid)
        position = self._known.get(wanted, self._known_before.get(wanted, NONE))
        return NONE if position == NONE else self.groups[position]

    def finish(self) -> None:
        """Find the parents that `add` did not find, and drop repeated lines.

        `add` finds a parent only among recent lines. A line becomes bookkeeping if an earlier line
        has the same id. More lines can be added after this.
        """
        self._find_parents()
        self._known, self._known_before = {}, {}
        for position in self._repeated():
            self.kinds[position] = Kind.BOOKKEEPING

    def _parent(self, position: int, link: Link) -> int:
        if not link.uuid:
            return NONE
        if not link.parent:
            return self._last if link.is_boundary else NONE
        wanted = _hash(link.parent)
        found = self._known.get(wanted, self._known_before.get(wanted, _UNKNOWN))
        if found == _UNKNOWN:
            self._unknown.append((position, wanted))
            # If `_find_parents` does not find the parent either, the last line of the main
            # conversation stays the parent.
            return self._last
        return found

    def _find_parents(self) -> None:
        wanted = {uuid for _, uuid in self._unknown}
        found: dict[int, int] = {}
        if wanted:
            for position, uuid in enumerate(self.uuids):
                if uuid in wanted:
                    found.setdefault(uuid, position)
        for position, uuid in self._unknown:
            if found.get(uuid, position) < position:
                self.parents[position] = found[uuid]
        self._unknown = []

    def _repeated(self) -> Iterator[int]:
        """Yield the position of each line that has the same id as an earlier line.

        The ids are compared in parts, so that a set never has more than about `_PART` of them.
        """
        parts = len(self) // _PART + 1
        for part in range(parts):
            seen: set[int] = set()
            for position, uuid in enumerate(self.uuids):
                if uuid and uuid % parts == part:
                    if uuid in seen:
                        yield position
                    seen.add(uuid)


def _hash(identifier: str) -> int:
    return (hash(identifier) or 1) if identifier else 0
