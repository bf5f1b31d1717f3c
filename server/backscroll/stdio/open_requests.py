"""The requests of a connection that are open: read, and not yet answered or cancelled."""

import asyncio


class OpenRequests:
    """Counts the open requests.

    Args:
        most: the maximum number of open requests.
        drain_s: how long they may take to finish after the input has ended, in seconds.
    """

    def __init__(self, most: int, drain_s: float) -> None:
        self.most = most
        self.drain_s = drain_s
        self.stopped = False
        self._open = 0
        self._changed = asyncio.Event()

    def begin(self) -> None:
        """Count a request that was read."""
        self._open += 1

    def settle(self) -> None:
        """Count a request as answered or cancelled."""
        self._open -= 1
        self._changed.set()

    async def cancelled(self) -> None:
        """Count a request as cancelled; the SDK awaits this."""
        self.settle()

    def stop(self) -> None:
        """End all waiting, because the connection is stopping."""
        self.stopped = True
        self._changed.set()

    async def at_most(self, count: int) -> None:
        """Wait until at most `count` requests are open, or the connection is stopping."""
        while self._open > count and not self.stopped:
            self._changed.clear()
            await self._changed.wait()
