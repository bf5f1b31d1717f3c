"""How much may be under way, and how often one caller may ask."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import anyio

from backscroll.http.refusals import RefusedError

WINDOW_S: Final = 10
"""Over how many seconds a rate is taken: a caller may use up so much of it at once."""

AGAIN_S: Final = 1
"""What is asked for where all places are taken, in seconds."""

_BUCKETS: Final = 10_000


class Places:
    """Requests under way: so many in all, so many of one caller.

    Args:
        total: the most in all.
        of_one: the most of one caller.
    """

    def __init__(self, total: int, of_one: int) -> None:
        self._total = total
        self._of_one = of_one
        self._taken = 0
        self._callers: Counter[str] = Counter()
        self._changed = anyio.Event()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold one of all places.

        Raises:
            RefusedError: 503 where there is none.
        """
        if self._taken >= self._total:
            raise _full(
                HTTPStatus.SERVICE_UNAVAILABLE, f"{self._total} requests are under way already."
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            if not self._taken:
                self._changed.set()
                self._changed = anyio.Event()

    @contextmanager
    def one_of(self, caller: str) -> Iterator[None]:
        """Hold one of a caller's places.

        Raises:
            RefusedError: 429 where there is none.
        """
        if self._callers[caller] >= self._of_one:
            raise _full(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self._of_one} requests of yours are under way already.",
            )
        self._callers[caller] += 1
        try:
            yield
        finally:
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]

    async def empty(self) -> None:
        """Wait until no request is under way."""
        while self._taken:
            await self._changed.wait()


class Rates:
    """How often each caller asks: a bucket of tokens for each, which fills as time goes by.

    Args:
        per_s: requests a second that go on for ever; ten times as many may come at once.
        clock: tells the time in seconds.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = per_s * WINDOW_S
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> None:
        """Count a request.

        Raises:
            RefusedError: 429 where the caller has asked too often, and when to come back.
        """
        now = self._clock()
        left, then = self._buckets.get(caller, (self._most, now))
        left = min(self._most, left + (now - then) * self._per_s)
        if left < 1:
            raise _full(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"More than {self._per_s:g} requests a second over {WINDOW_S} seconds.",
                math.ceil((1 - left) / self._per_s),
            )
        if caller not in self._buckets and len(self._buckets) >= _BUCKETS:
            self._forget(now)
        self._buckets[caller] = (left - 1, now)

    def _forget(self, now: float) -> None:
        """Drop what says nothing any more: a bucket that is full again."""
        self._buckets = {
            caller: (left, then)
            for caller, (left, then) in self._buckets.items()
            if left + (now - then) * self._per_s < self._most
        }


def _full(status: int, sentence: str, again_s: int = AGAIN_S) -> RefusedError:
    sentence = f"{sentence} Try again in {again_s} s."
    return RefusedError(status, sentence, {"Retry-After": str(again_s)})
