"""The events of a response that runs in the background, for callers who follow it.

They are numbered from 0, whatever numbers the model server sent. The last ones are kept, up to a
number of bytes.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from itertools import islice

from backscroll.store.envelopes import JSON
from backscroll.store.recorder.responses.events import event_bytes


class RunEvents:
    """The events of one response.

    Args:
        max_bytes: how many bytes of them are kept. If there are more, the first ones are dropped.

    Attributes:
        count: how many events there were, with those that were dropped.
        size: how many bytes are kept.
        is_ended: whether there will be no more.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self.count = 0
        self.size = 0
        self.is_ended = False

    def add(self, event: JSON) -> None:
        """Add an event, with the next number."""
        data = event_bytes(event, self.count)
        self._kept.append(data)
        self.count += 1
        self.size += len(data)
        while self.size > self._max_bytes and len(self._kept) > 1:
            self.size -= len(self._kept.popleft())
        self._wake()

    def end(self) -> None:
        """Let those who follow come to an end."""
        self.is_ended = True
        self._wake()

    def has(self, after: int) -> bool:
        """Return whether every event after the one with the number `after` is kept."""
        return after + 1 >= self.count - len(self._kept)

    async def follow(self, after: int) -> AsyncGenerator[bytes, None]:
        """Yield the events after the one with the number `after`, as they come, to the end.

        A caller who reads so slowly that the next event was dropped gets no more.
        """
        while self.has(after):
            changed = self._changed
            new = max(self.count - 1 - after, 0)
            waiting = b"".join([*islice(reversed(self._kept), new)][::-1])  # not all of them again
            after = max(after, self.count - 1)
            if waiting:
                yield waiting
            elif self.is_ended:
                return
            else:
                await changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
