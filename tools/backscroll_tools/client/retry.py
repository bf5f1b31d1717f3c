"""When and whether to send a request again: pure rules, with the time and the chance passed in."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backscroll_tools.client.upstream_clock import unix_s

ATTEMPTS: Final = 5
"""How often one request is sent at most."""

PATIENT: Final = 3
"""The first attempt that may take all the time that is left."""

BASE_S: Final = 0.25
CAP_S: Final = 8.0
"""The longest pause that is chosen here, in seconds; an upstream may ask for a longer one."""

_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def asked_s(headers: Mapping[str, str], now: float) -> float:
    """Return how many seconds an upstream asks to wait, or 0 if it names no possible time.

    `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3); `retry-after-ms` is
    Azure's, and finer.

    Args:
        headers: the reply's headers, with lower-case names.
        now: the time at the upstream, in Unix seconds, that a date is compared with.
    """
    if _NUMBER.fullmatch(milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    if _NUMBER.fullmatch(seconds := headers.get("retry-after", "")):
        return float(seconds)
    date = unix_s(seconds)
    return 0.0 if date is None else max(0.0, date - now)


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


def patience_s(attempt: int, left_s: float) -> float:
    """Return how many seconds an attempt may take before it is given up.

    Half of what is left, so that what never comes leaves time to try again, or to look whether a
    write was acted on. The third attempt and those after it may take all that is left.

    Args:
        attempt: which attempt; 1 or more.
        left_s: seconds until the call's deadline.
    """
    return left_s / 2 if attempt < PATIENT else math.inf


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
