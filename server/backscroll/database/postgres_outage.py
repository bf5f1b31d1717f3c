"""How long work waits for a server that fails: until a standby takes over, or it is back."""

import asyncio
from typing import Final

from msgspec import Struct

OUTAGE_PER_LOCK: Final = 2
"""How long work waits for a server that fails, by how long it waits for locks. With the defaults,
20 seconds are less than half of `BACKSCROLL_DEADLINE_S`, so that a caller can try again."""


class Outage(Struct):
    """The time since which a database's server has failed.

    Work waits until the server has failed for `patience_s` seconds. Work that begins later fails at
    once, until some work succeeds: so a long outage delays each caller only once.

    Attributes:
        patience_s: how long work waits for the server, in seconds; 0 to fail at once.
    """

    patience_s: float
    _since: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether the server failed when it was last needed."""
        return self._since is not None

    def left_s(self) -> float:
        """Return how much longer work waits for the server, in seconds; 0 if it does not wait."""
        if self._since is None:
            return 0.0
        return max(0.0, self._since + self.patience_s - _now())

    def goes_on(self) -> bool:
        """Note that the server fails, and return whether to wait for it any longer."""
        if self._since is None:
            self._since = _now()
        return self.left_s() > 0

    def end(self) -> None:
        """Note that the server works."""
        self._since = None


def _now() -> float:
    return asyncio.get_running_loop().time()
