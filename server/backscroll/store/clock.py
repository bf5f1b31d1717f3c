"""The clocks of a process: the time of day, and elapsed time."""

import time
from collections.abc import Callable

from msgspec import Struct


class Clock(Struct, frozen=True):
    """A process's clocks.

    Attributes:
        now: returns the time of day, in Unix seconds. The store writes it into objects, but bases
            no decision on it, because it may be wrong by years and may jump.
        monotonic: returns the seconds since an arbitrary moment. It never goes back and never runs
            faster than real time, but it may stop while the machine sleeps.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def unix_s(self) -> int:
        """Return the time of day in whole Unix seconds."""
        return int(self.now())

    def unix_us(self) -> int:
        """Return the time of day in whole Unix microseconds."""
        return int(self.now() * 1_000_000)
