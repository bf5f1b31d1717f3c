"""Recognises what a Codex log tells twice: as an item of the model's API, and as an event.

Which of the two is written, and in which order, depends on the version of Codex. A text that really
was said twice is written twice by each of them.
"""

from enum import IntFlag

Identity = tuple[str, str]
"""What was told: its kind, such as `user`, and its text or the id of its call."""


class Channel(IntFlag):
    """How a log tells something."""

    ITEM = 1
    EVENT = 2
    COMPLETED = 4
    """An `item_completed` event, which also exists for what `EVENT` tells."""


class Told:
    """What was told in the current turn and in the one before it."""

    def __init__(self) -> None:
        """Start before the first turn."""
        self._turn = ""
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
        """Return whether this is the first time that something is told, and remember that it was.

        It is not the first time if it was told before, and not yet on this channel.
        """
        for told in (self._before.get(identity, ()), self._current.get(identity, ())):
            for at, channels in enumerate(told):
                if not channels & channel and isinstance(told, list):
                    told[at] = channels | channel
                    return False
        self._current.setdefault(identity, []).append(channel)
        return True
