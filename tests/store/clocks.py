"""Replicas over one database, each with its own clocks, which a test sets."""

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx2

from backscroll.store.app import open_store
from backscroll.store.clock import Clock

HOUR_S = 3_600.0
DAY_S = 24 * HOUR_S
YEAR_S = 365.25 * DAY_S
TODAY_S = 2_000_000_000.0
_V2 = {"OpenAI-Beta": "assistants=v2"}  # the fixtures take longer to import than a store


@dataclass
class Replica:
    """A store in this process.

    Attributes:
        url: the URL of its database.
        partition: the partition of its requests.
        wrong_s: by how many seconds its time of day is ahead of the true one.
        passed_s: the true time in seconds, which a test advances.
        asleep: whether its machine sleeps, which stops its monotonic clock.
        really: whether its clocks are this process's own, except for `wrong_s`.
    """

    url: str
    partition: str = "test"
    wrong_s: float = 0.0
    passed_s: float = 0.0
    asleep: bool = False
    really: bool = False
    _monotonic_s: float = 1_000.0
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _api: httpx2.AsyncClient | None = None

    async def api(self) -> httpx2.AsyncClient:
        """Return a client of the store, which is opened if it is not open."""
        if self._api is None:
            clock = Clock(lambda: TODAY_S + self.passed_s + self.wrong_s, lambda: self._monotonic_s)
            if self.really:
                clock = Clock(lambda: time.time() + self.wrong_s)
            store = await self._stack.enter_async_context(open_store(self.url, clock))
            transport = httpx2.ASGITransport(app=store.app)
            self._api = await self._stack.enter_async_context(
                httpx2.AsyncClient(
                    transport=transport,
                    base_url="http://store/v1",
                    headers={**_V2, "OpenAI-Project": self.partition},
                    timeout=None,
                )
            )
        return self._api

    async def close(self) -> None:
        self._api = None
        await self._stack.aclose()

    async def restart(self) -> None:
        """Restart the process, with a new start of its monotonic clock."""
        await self.close()
        self._monotonic_s = -5_000.0

    def let_pass(self, seconds: float) -> None:
        self.passed_s += seconds
        self._monotonic_s += 0.0 if self.asleep else seconds

    async def write(self, thread_id: str, key: str) -> httpx2.Response:
        """Write the message of a key, which is the same for all replicas."""
        api = await self.api()
        return await api.post(
            f"/threads/{thread_id}/messages",
            json={"role": "user", "content": f"of {key}"},
            headers={"Idempotency-Key": key},
        )
