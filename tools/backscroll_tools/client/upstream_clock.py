"""The time at the upstream, as the `Date` of its replies tells it.

Replicas of this process each have a wall clock, and any of them may be wrong by hours. The upstream
is one for all of them, so what they tell one another about time is told by its clock.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeAlias

ClockName: TypeAlias = Literal["upstream", "wall"]
"""Whose clock a time was read from: the upstream's, or that of the process that noted it."""


LATEST_S: Final = 2**35
"""A time that no clock that is right tells for a thousand years, in Unix seconds."""


def unix_s(date: str) -> float | None:
    """Return an HTTP date in Unix seconds, or None if it is not one that can be.

    All three forms are read (RFC 9110, section 5.6.7); the one that names no zone is in UTC too.
    """
    try:
        read = parsedate_to_datetime(date)
        seconds = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds


@dataclass(frozen=True, slots=True)
class _Reading:
    """A `Date`, in Unix seconds, and when it was asked for and came, in monotonic seconds."""

    date: float
    asked_at: float
    came_at: float


@dataclass(slots=True)
class UpstreamClock:
    """Tells the time at one upstream; the wall clock's time while the upstream tells none.

    Attributes:
        wall: tells the time of this process, in Unix seconds.
        monotonic: tells seconds that pass evenly, whatever becomes of the wall clock.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    _reading: _Reading | None = None

    def note(self, headers: Mapping[str, str], asked_at: float) -> None:
        """Note the time that a reply tells (RFC 9110, section 6.6.1).

        A reply with an `Age` was generated some time ago (RFC 9111, section 5.1): it tells nothing.

        Args:
            headers: the reply's, with lower-case names.
            asked_at: when the request was made, in monotonic seconds.
        """
        if "age" in headers:
            return
        date = unix_s(headers.get("date", ""))
        if date is not None and 0 < date < LATEST_S:
            self._reading = _Reading(date, asked_at, self.monotonic())

    def now_s(self) -> float:
        """Return the time in Unix seconds, a little early rather than late."""
        if self._reading is None:
            return self.wall()
        return self._reading.date + self.monotonic() - self._reading.came_at

    def stamp(self) -> tuple[int, ClockName]:
        """Return the time in whole Unix seconds, 1 or more, never early, and whose clock it is."""
        if self._reading is None:
            return min(max(int(self.wall()) + 1, 1), LATEST_S), "wall"
        # A date leaves out fractions, and may have been written as soon as it was asked for.
        latest = self._reading.date + 1 + self.monotonic() - self._reading.asked_at
        return math.ceil(latest), "upstream"

    def age_s(self, stamp: int, clock: ClockName) -> float:
        """Return how many seconds ago a stamp was made at least; 0 if that cannot be told.

        Args:
            stamp: what `stamp` returned, perhaps in another process.
            clock: whose clock told it.
        """
        if clock == "wall":
            return max(0.0, self.wall() - stamp)
        return 0.0 if self._reading is None else max(0.0, self.now_s() - stamp)
