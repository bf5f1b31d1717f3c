"""How many requests are under way at once: in all, and about one thread."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio

TOTAL: Final = 32
"""Reads under way at once to one upstream, and as many writes."""

OF_ONE: Final = 8
"""Reads under way at once about one thread, conversation or completion, and as many writes: a
slow one leaves room for the others."""


class Lanes:
    """Lets requests through as long as there is room."""

    def __init__(self, total: int = TOTAL, of_one: int = OF_ONE) -> None:
        self._total = anyio.Semaphore(total, fast_acquire=True)
        self._of_one = of_one
        self._lanes: dict[str, anyio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def lane(self, owner: str) -> AsyncIterator[None]:
        """Hold a place among the requests about `owner`, then one among all."""
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
