"""The client that all calls of one caller to one upstream share."""

import math
import random
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from backscroll_tools.client.exchange import Http
from backscroll_tools.client.lanes import TOTAL, Lanes
from backscroll_tools.client.profiles import Upstream
from backscroll_tools.client.requests import Request
from backscroll_tools.client.retry import RetryBudget
from backscroll_tools.client.upstream_clock import UpstreamClock

REPLY_BYTES: Final = 8 * 1024 * 1024
"""The default maximum size of a reply over a network, decompressed, in bytes."""

_CHANCE: Final = random.SystemRandom().random


class Client:
    """One caller's client of one upstream, for the lifetime of the process.

    Each call sends its requests through its own `call.CallClient`, which `Call.begin` creates.

    Attributes:
        upstream: the upstream that requests are sent to.
        reply_bytes: the maximum size of a reply, decompressed, in bytes; infinite for the embedded
            store.
        chance: returns a random number from 0 to 1, which varies the pauses before retries.
        clock: the clock of the upstream.
        budget: limits how many requests may be retried.
        has_one_order: whether the upstream was found not to serve lists in both orders. Then no
            list is read from both ends any more.

    Args:
        http: the connection pool for reads. The creator of the client closes it.
        upstream: see above.
        writing: the connection pool for writes; by default the pool for reads. Over a network, it
            should not reuse connections: the upstream may just have closed a reused connection. A
            read can then be retried, but the outcome of a write is unknown (docs/upstreams.md).
        reply_bytes: see above; by default 8 MiB, or no limit if the upstream is in this process.
        chance: see above.
        wall: returns the wall-clock time of this process, in Unix seconds.
        monotonic: returns the seconds of a clock that does not change if the wall clock is set.
    """

    def __init__(  # noqa: PLR0913 - tests pass connections, random numbers and clocks
        self,
        http: Http,
        upstream: Upstream,
        writing: Http | None = None,
        reply_bytes: float | None = None,
        *,
        chance: Callable[[], float] = _CHANCE,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.upstream = upstream
        unset = math.inf if upstream.in_process else REPLY_BYTES
        self.reply_bytes = unset if reply_bytes is None else reply_bytes
        self.chance = chance
        self.clock = UpstreamClock(wall, monotonic)
        self.budget = RetryBudget()
        self.has_one_order = False
        # Reads and writes have separate limits, so that waiting writes do not block reads.
        self._reading = http, Lanes()
        self._writing = writing or http, Lanes()
        self._writers = Lanes(TOTAL, 1)

    def route(self, request: Request) -> tuple[Http, AbstractAsyncContextManager[None]]:
        """Return the connection pool for a request, and a context that occupies a slot."""
        http, lanes = self._reading if request.method == "GET" else self._writing
        return http, lanes.lane(request.owner)

    def alone(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Return a context in which no other call of this client writes to the thread."""
        return self._writers.lane(thread_id)
