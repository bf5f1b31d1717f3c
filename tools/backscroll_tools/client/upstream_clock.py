"""Computes the time of the upstream's clock, from the `Date` header of its replies.

Each replica of this server has its own wall clock, which may be wrong by hours. All replicas use
the same upstream, so they use its clock for the times that they exchange.
"""

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct

ClockName: TypeAlias = Literal["upstream", "wall"]
"""The clock that a time was read from: the upstream's, or the process's own wall clock."""


LATEST_S: Final = 2**35
"""The latest valid time, in Unix seconds. It is after the year 3000."""


def unix_s(date: str) -> float | None:
    """Convert an HTTP date to Unix seconds. Return None if the date is not valid.

    The date may have any of the three formats in RFC 9110, section 5.6.7. All are in UTC.
    """
    try:
        read = parsedate_to_datetime(date)
        seconds = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds


class _Reading(Struct, frozen=True):
    """A time that was read from the upstream's clock.

    Attributes:
        date: the `Date` of a reply, in Unix seconds.
        requested_at: when the request was sent, in monotonic seconds.
        received_at: when the reply was received, in monotonic seconds.
    """

    date: float
    requested_at: float
    received_at: float


class UpstreamClock(Struct):
    """The clock of one upstream. Until a reply has a usable `Date`, the wall clock is used.

    Attributes:
        wall: returns the wall-clock time of this process, in Unix seconds.
        monotonic: returns monotonic seconds, which changes of the wall clock do not affect.
    """

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    _reading: _Reading | None = None

    def note(self, headers: Mapping[str, str], requested_at: float) -> None:
        """Record the time in a reply's `Date` header (RFC 9110, section 6.6.1).

        A reply with an `Age` header is from a cache (RFC 9111, section 5.1), so it is ignored.

        Args:
            headers: the reply's headers, with lower-case names.
            requested_at: when the request was sent, in monotonic seconds.
        """
        if "age" in headers:
            return
        date = unix_s(headers.get("date", ""))
        if date is not None and 0 < date < LATEST_S:
            self._reading = _Reading(date, requested_at, self.monotonic())

    def now_s(self) -> float:
        """Return the upstream's time, in Unix seconds.

        If a reply had a usable `Date`, the result is slightly before the true time, never after it.
        Otherwise, the result is the time of the wall clock.
        """
        if self._reading is None:
            return self.wall()
        return self._reading.date + self.monotonic() - self._reading.received_at

    def stamp(self) -> tuple[int, ClockName]:
        """Return the current time in Unix seconds, and the name of the clock that measured it.

        The time is rounded up to a whole number, and is at least 1.
        """
        if self._reading is None:
            return min(max(int(self.wall()) + 1, 1), LATEST_S), "wall"
        # `Date` has no fractions of a second. The upstream may have read its clock at any time
        # after the request was sent.
        latest = self._reading.date + 1 + self.monotonic() - self._reading.requested_at
        return math.ceil(latest), "upstream"

    def age_s(self, stamp: int, clock: ClockName) -> float:
        """Return a lower bound of the time since a stamp was taken, in seconds; 0 if unknown.

        Args:
            stamp: a time that the method `stamp` returned, perhaps in another process.
            clock: the clock that measured the stamp, as `stamp` returned it.
        """
        if clock == "wall":
            return max(0.0, self.wall() - stamp)
        return 0.0 if self._reading is None else max(0.0, self.now_s() - stamp)
