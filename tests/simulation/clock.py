"""An event loop in virtual time, which jumps to the next timer whenever all tasks wait."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

ENDS_S = 100_000.0
"""The maximum length of a run in virtual seconds; a longer one is stuck."""


class StuckError(Exception):
    """All tasks wait for something that never happens."""


class _Jumping(selectors.SelectSelector):
    """A selector that waits for no file: the clock jumps over the time instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or self.now > ENDS_S:
            raise StuckError
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Timers, sleeps and deadlines follow `time()`, which starts at 0 and jumps to the next one."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time.

    Raises:
        StuckError: the coroutine waits for something that never happens.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
