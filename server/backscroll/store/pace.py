"""Steps that each take about the same time, so that no writer waits long for one of them."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from msgspec import Struct

T = TypeVar("T")

STEP_S: Final = 0.01
"""About how long a step may take, in seconds. Its commit comes after that."""
PAUSE_S: Final = 0.01
"""The pause between two steps, in seconds. Other processes can write during it."""

_BUSY: Final = 5
"""How many times longer a step may take on a busy machine than the CPU time that it needs."""


class Pace(Struct):
    """How much to do in the next step.

    Attributes:
        size: how much to do.
        least: the minimum of `size`.
        most: the maximum of `size`.
        step_s: about how long a step may take, in seconds.
    """

    size: int = 32
    least: int = 32
    most: int = 500
    step_s: float = STEP_S

    def step(self, work: Callable[[int], T]) -> T:
        """Do as much work as is due, and decide from its duration how much is due next.

        What counts is the CPU time of this thread, and a fifth of the time that passed: on a busy
        machine, a step takes long however little it does.
        """
        begun, cpu_begun = time.monotonic(), time.thread_time()
        done = work(self.size)
        seconds = max(time.thread_time() - cpu_begun, (time.monotonic() - begun) / _BUSY)
        if seconds > self.step_s:
            self.size = max(self.size // 2, self.least)
        elif seconds < self.step_s / 2:
            self.size = min(self.size * 2, self.most)
        return done
