"""Recognises what a Codex log reports twice: as an item of the model's API, and as an event.

Some versions of Codex write only the item or only the event. Other versions write both, in either
order. If they write two items and two events with the same text, the text was said twice.
"""

from typing import Final

Identity = tuple[str, str]
"""What was reported: its kind, such as `user`, and its text or the id of its call."""


Channel = int
"""How a log reports something: `ITEM`, `EVENT` or `COMPLETED`."""

# These are numbers, because members of an enumeration would make reading a log much slower.
ITEM: Final[Channel] = 0
EVENT: Final[Channel] = 1
COMPLETED: Final[Channel] = 2
"""An `item_completed` event. Codex can write it in addition to an `EVENT`."""


class Reported:
    """The messages that each channel of a log reported in the current turn and the one before."""

    def __init__(self) -> None:
        """Start before the first turn."""
        self._turn = ""
        # For each identity, the number of reports from each channel, by the channel's number.
        self._current: dict[Identity, list[int]] = {}
        self._before: dict[Identity, list[int]] = {}

    def begin_turn(self, turn: str) -> None:
        """Begin a turn, unless it has begun already.

        Args:
            turn: the id of the turn; empty if unknown.
        """
        if not turn or turn != self._turn:
            self._turn = turn
            self._before, self._current = self._current, {}

    def is_first(self, channel: Channel, identity: Identity) -> bool:
        """Count a report. Return whether it is new, and not a repetition.

        A report is a repetition if another channel has already reported `identity` more often than
        `channel` has.
        """
        before = self._before.get(identity)
        if before is not None and before[channel] < max(before):
            before[channel] += 1
            return False
        counts = self._current.setdefault(identity, [0, 0, 0])
        often = max(counts)
        counts[channel] += 1
        return counts[channel] > often
