"""The rules of retries: pure functions, with the time and the random number as arguments."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from backscroll_tools.client.upstream_clock import unix_s

ATTEMPTS: Final = 5
"""The maximum number of attempts of one request."""

PATIENT: Final = 3
"""The first attempt that may use all of the remaining time."""

BASE_S: Final = 0.25
"""The maximum pause after the first failure, in seconds; it doubles with each further failure."""

CAP_S: Final = 8.0
"""The maximum pause that we choose, in seconds; an upstream may ask for a longer one."""

_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def retry_after_s(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds that an upstream asks to wait, or 0 if it names no valid time.

    `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3); `retry-after-ms` is
    Azure's, and more precise.

    Args:
        headers: the reply's headers, with lower-case names.
        now: the upstream's time, in Unix seconds, which a date is compared with.
    """
    if _NUMBER.fullmatch(milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    if _NUMBER.fullmatch(seconds := headers.get("retry-after", "")):
        return float(seconds)
    date = unix_s(seconds)
    return 0.0 if date is None else max(0.0, date - now)


def pause_s(attempt: int, retry_after_s: float, chance: float) -> float:
    """Return the seconds to wait before a request is sent again.

    Full jitter, so that clients that failed together do not retry together.

    Args:
        attempt: the number of failed attempts; 1 or more.
        retry_after_s: the pause that the upstream asked for, in seconds; 0 for none.
        chance: a random number from 0 to 1.
    """
    longest: float = min(CAP_S, BASE_S * 2 ** (attempt - 1))
    return retry_after_s + chance * longest


def patience_s(attempt: int, left_s: float) -> float:
    """Return how long an attempt may take, in seconds, at most.

    The first two attempts may use half of the remaining time, so that the other half is left for a
    retry or a search if no reply arrives. Later attempts are limited only by the deadline.

    Args:
        attempt: the number of the attempt; 1 or more.
        left_s: seconds until the call's deadline.
    """
    return left_s / 2 if attempt < PATIENT else math.inf


@dataclass(slots=True)
class RetryBudget:
    """Limits retries, so that they do not make an outage worse.

    Each success adds a tenth of a retry. While an upstream is down, it receives ten retries in
    total, in addition to the first attempt of each request.
    """

    left: float = 10.0
    most: float = 10.0
    earned: float = 0.1

    def earn(self) -> None:
        """Record a success."""
        self.left = min(self.most, self.left + self.earned)

    def spend(self) -> bool:
        """Take one retry; return False if none is left."""
        if self.left < 1:
            return False
        self.left -= 1
        return True
