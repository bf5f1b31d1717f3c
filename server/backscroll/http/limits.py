"""How many requests may be under way, and how often one caller may send them."""

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
"""The seconds over which a rate is measured; a caller may use up all of them at once."""

AGAIN_S: Final = 1
"""The seconds of `Retry-After` if all slots are taken."""

_BUCKETS: Final = 10_000


class Slots:
    """Limits how many requests are under way, in total and per caller.

    Args:
        total: the most requests in total.
        of_one: the most requests of one caller.
    """

    def __init__(self, total: int, of_one: int) -> None:
        self._total = total
        self._of_one = of_one
        self._taken = 0
        self._callers: Counter[str] = Counter()
        self._changed = anyio.Event()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a slot.

        Raises:
            RefusedError: 503 if all are taken.
        """
        if self._taken >= self._total:
            raise _refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"The server is at its limit of {self._total} requests.",
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
        """Hold one of a caller's slots.

        Raises:
            RefusedError: 429 if all of them are taken.
        """
        if self._callers[caller] >= self._of_one:
            raise _refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"You are at your limit of {self._of_one} requests at once.",
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


class RateLimiter:
    """Limits how often each caller calls, with a token bucket per caller.

    Args:
        per_s: requests a second that a caller can sustain; ten times as many may come at once.
        clock: returns the time in seconds.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = per_s * WINDOW_S
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> None:
        """Count a request.

        Raises:
            RefusedError: 429 if the caller has called too often, with the seconds to wait.
        """
        now = self._clock()
        left, then = self._buckets.get(caller, (self._most, now))
        left = min(self._most, left + (now - then) * self._per_s)
        if left < 1:
            raise _refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"You sent more than {self._per_s:g} requests a second over {WINDOW_S} seconds.",
                math.ceil((1 - left) / self._per_s),
            )
        if caller not in self._buckets and len(self._buckets) >= _BUCKETS:
            self._forget(now)
        self._buckets[caller] = (left - 1, now)

    def _forget(self, now: float) -> None:
        """Drop the buckets that are full again: a new one would be the same."""
        self._buckets = {
            caller: (left, then)
            for caller, (left, then) in self._buckets.items()
            if left + (now - then) * self._per_s < self._most
        }


def _refusal(status: int, sentence: str, again_s: int = AGAIN_S) -> RefusedError:
    sentence = f"{sentence} Try again in {again_s} s."
    return RefusedError(status, sentence, {"Retry-After": str(again_s)})
