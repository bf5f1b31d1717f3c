"""The client of one upstream: what all calls of one caller share."""

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
"""The most bytes of a reply, unpacked, by default."""

_CHANCE: Final = random.SystemRandom().random


class Client:
    """One caller's client of one upstream, as long as the process lasts.

    A call asks through a client of its own (`call.CallClient`), which `Call.begin` makes.

    Attributes:
        upstream: where to send requests, and what is known of what answers there.
        reply_bytes: the most bytes of a reply, unpacked.
        chance: draws the numbers from 0 to 1 that pauses between retries depend on.
        clock: tells the time at the upstream.
        budget: how many requests may still be sent again.

    Args:
        http: the connection pool for reads; the caller closes it.
        upstream: see above.
        writing: the pool for writes, by default the one for reads. Over a network it should keep
            no connection: one that was closed by its other end, unseen, leaves a write's outcome
            unknown, where a read is simply sent again (docs/upstreams.md).
        reply_bytes: see above; 8 MiB by default.
        chance: see above.
        wall: tells the time of this process, in Unix seconds.
        monotonic: tells seconds that pass evenly, whatever becomes of the wall clock.
    """

    def __init__(  # noqa: PLR0913 - its seams: connections, chance and time
        self,
        http: Http,
        upstream: Upstream,
        writing: Http | None = None,
        reply_bytes: int = REPLY_BYTES,
        *,
        chance: Callable[[], float] = _CHANCE,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.upstream = upstream
        self.reply_bytes = reply_bytes
        self.chance = chance
        self.clock = UpstreamClock(wall, monotonic)
        self.budget = RetryBudget()
        # Apart, so that writes that wait for a thread let it be read.
        self._reading = http, Lanes()
        self._writing = writing or http, Lanes()
        self._writers = Lanes(TOTAL, 1)

    def way(self, request: Request) -> tuple[Http, AbstractAsyncContextManager[None]]:
        """Return the connections that a request is sent over, and its turn among the others."""
        http, lanes = self._reading if request.method == "GET" else self._writing
        return http, lanes.lane(request.owner)

    def alone(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Return a context in which no other call is about to write to a thread."""
        return self._writers.lane(thread_id)
