"""When and whether to send a request again: pure rules, with the randomness passed in."""

from dataclasses import dataclass
from typing import Final

ATTEMPTS: Final = 5
"""How often one request is sent at most."""

BASE_S: Final = 0.25
CAP_S: Final = 8.0
"""The longest pause that is chosen here, in seconds; an upstream may ask for a longer one."""


def pause_s(attempt: int, asked_s: float, chance: float) -> float:
    """Return how many seconds to wait before a request is sent again.

    Full jitter, so that clients that failed together do not come back together.

    Args:
        attempt: how many attempts have failed; 1 or more.
        asked_s: what the upstream asked for (`Retry-After`), in seconds; 0 for nothing.
        chance: a random number from 0 to 1.
    """
    longest: float = min(CAP_S, BASE_S * 2 ** (attempt - 1))
    return asked_s + chance * longest


@dataclass(slots=True)
class RetryBudget:
    """How many requests may be sent again, so that an outage is not amplified.

    Every success earns a tenth of a retry: while an upstream is down, what it gets is the calls
    themselves and ten retries in all.
    """

    left: float = 10.0
    most: float = 10.0
    earned: float = 0.1

    def earn(self) -> None:
        """Note a success."""
        self.left = min(self.most, self.left + self.earned)

    def spend(self) -> bool:
        """Take one retry; False where none is left."""
        if self.left < 1:
            return False
        self.left -= 1
        return True
