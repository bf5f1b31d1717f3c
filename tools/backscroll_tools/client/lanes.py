"""Limits concurrent requests, in total and for each thread, conversation or completion."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio

TOTAL: Final = 32
"""The maximum number of concurrent reads by one client. The same limit applies separately to
writes."""

OF_ONE: Final = 8
"""The maximum number of concurrent reads of one thread, conversation or completion. So a slow
thread leaves slots for other threads. The same limit applies separately to writes."""


class Lanes:
    """Slots for concurrent requests. A request waits if no slot is free.

    Args:
        total: the maximum number of concurrent requests.
        of_one: the maximum number of concurrent requests for one owner, such as a thread.
    """

    def __init__(self, total: int = TOTAL, of_one: int = OF_ONE) -> None:
        self._total = anyio.Semaphore(total, fast_acquire=True)
        self._of_one = of_one
        self._lanes: dict[str, anyio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def lane(self, owner: str) -> AsyncIterator[None]:
        """Occupy a slot of the owner and then one of the slots that all requests share.

        Wait until both are free.
        """
        lane = self._lanes.get(owner)
        if lane is None:
            lane = self._lanes[owner] = anyio.Semaphore(self._of_one, fast_acquire=True)
        self._users[owner] += 1
        try:
            async with lane, self._total:
                yield
        finally:
            self._users[owner] -= 1
            if not self._users[owner]:
                del self._users[owner], self._lanes[owner]
