"""Limits the number of requests in progress and each caller's request rate."""

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
"""The period over which a caller's rate is averaged, in seconds. A caller may send all requests of
a period at once."""

AGAIN_S: Final = 1
"""The value of `Retry-After` in seconds if the limit of concurrent requests is reached."""

_BUCKETS: Final = 10_000


class Slots:
    """Limits the number of concurrent requests, in total and per caller.

    Args:
        total: the maximum number of requests in total.
        of_one: the maximum number of requests per caller.
    """

    def __init__(self, total: int, of_one: int) -> None:
        self._total = total
        self._of_one = of_one
        self._taken = 0
        self._callers: Counter[str] = Counter()
        self._changed = anyio.Event()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a request as in progress until the context exits.

        Raises:
            RefusedError: 503 if the total limit is reached.
        """
        if self._taken >= self._total:
            raise _refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"The server has reached its limit of {self._total} concurrent requests.",
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
        """Count a request of a caller as in progress until the context exits.

        Raises:
            RefusedError: 429 if the caller's limit is reached.
        """
        if self._callers[caller] >= self._of_one:
            raise _refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"You have reached your limit of {self._of_one} concurrent requests.",
            )
        self._callers[caller] += 1
        try:
            yield
        finally:
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]

    async def empty(self) -> None:
        """Wait until no request is in progress."""
        while self._taken:
            await self._changed.wait()


class RateLimiter:
    """Limits each caller's request rate, with a token bucket per caller.

    Args:
        per_s: the allowed number of requests per second, averaged over `WINDOW_S`. A burst may have
            `per_s * WINDOW_S` requests.
        clock: returns the time in seconds.
    """

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._most = per_s * WINDOW_S
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> None:
        """Count a request of a caller.

        Raises:
            RefusedError: 429, with the seconds to wait, if the caller exceeds its rate.
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
        """Drop the buckets that are full again. They are not needed: a new bucket is full too."""
        self._buckets = {
            caller: (left, then)
            for caller, (left, then) in self._buckets.items()
            if left + (now - then) * self._per_s < self._most
        }


def _refusal(status: int, sentence: str, again_s: int = AGAIN_S) -> RefusedError:
    sentence = f"{sentence} Try again in {again_s} s."
    return RefusedError(status, sentence, {"Retry-After": str(again_s)})
