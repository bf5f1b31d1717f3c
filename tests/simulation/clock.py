"""An event loop in virtual time, which jumps to the next timer whenever all tasks wait."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
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

    def run_in_executor(  # type: ignore[override]  # the arguments that `asyncio.to_thread` passes
        self, _executor: None, func: Callable[..., T], *args: object
    ) -> asyncio.Future[T]:
        """Run at once what is meant for a thread, because a thread has a clock of its own."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - raised where the work is awaited
            future.set_exception(error)
        return future


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time.

    Raises:
        StuckError: the coroutine waits for something that never happens.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
