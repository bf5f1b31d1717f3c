"""Steps that each take about the same time, so that no writer waits long for one of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")

STEP_S: Final = 0.02
"""About how long a step may take, in seconds. Its commit comes after that."""
PAUSE_S: Final = 0.01
"""The pause between two steps, in seconds. Other processes can write during it."""


@dataclass(slots=True)
class Pace:
    """How much to do in the next step.

    Attributes:
        size: how much to do.
        most: the maximum of `size`.
        step_s: about how long a step may take, in seconds.
    """

    size: int = 32
    most: int = 500
    step_s: float = STEP_S

    def step(self, work: Callable[[int], T]) -> T:
        """Do as much work as is due, and decide from its duration how much is due next."""
        begun = time.monotonic()
        done = work(self.size)
        seconds = time.monotonic() - begun
        if seconds > self.step_s:
            self.size = max(self.size // 2, 1)
        elif seconds < self.step_s / 2:
            self.size = min(self.size * 2, self.most)
        return done
