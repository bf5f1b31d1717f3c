"""What time it is, and how much of it has passed: the two are told by different clocks."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """A process's clocks.

    Attributes:
        now: tells the time of day, in Unix seconds. It is written into objects and decides nothing:
            it may be wrong by any number of years, and jump.
        monotonic: tells how many seconds have passed since any moment of the process's choice. It
            never runs back, and never faster than time does; it may stand still while the machine
            sleeps.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def unix_s(self) -> int:
        """Return the time of day in whole Unix seconds."""
        return int(self.now())
