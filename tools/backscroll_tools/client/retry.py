"""The rules for retries: how often, after which pause, and within which time limit."""

import math
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from backscroll_tools.client.upstream_clock import unix_s

ATTEMPTS: Final = 5
"""The maximum number of attempts of one request."""

PATIENT: Final = 3
"""The number of the first attempt that may use all of the time until the call's deadline."""

BASE_S: Final = 0.25
"""The maximum random pause after the first failure, in seconds. Each further failure doubles it."""

CAP_S: Final = 8.0
"""The maximum random pause after any number of failures, in seconds."""

_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def retry_after_s(headers: Mapping[str, str], now: float) -> float:
    """Return how long an upstream asks us to wait, in seconds; 0 if its headers name no time.

    `Retry-After` is a number of seconds or a date (RFC 9110, section 10.2.3). Azure also sends
    `retry-after-ms`, which is more precise.

    Args:
        headers: the reply's headers, with lower-case names.
        now: the current time of the upstream, in Unix seconds; used if the header contains a date.
    """
    if _NUMBER.fullmatch(milliseconds := headers.get("retry-after-ms", "")):
        return float(milliseconds) / 1000
    if _NUMBER.fullmatch(seconds := headers.get("retry-after", "")):
        return float(seconds)
    date = unix_s(seconds)
    return 0.0 if date is None else max(0.0, date - now)


def pause_s(attempt: int, retry_after_s: float, chance: float) -> float:
    """Return how long to wait before a request is sent again, in seconds.

    The pause is random, so that clients that failed at the same time do not retry at the same time.

    Args:
        attempt: the number of failed attempts; 1 or more.
        retry_after_s: the pause that the upstream asked for, in seconds; 0 if it asked for none.
        chance: a random number from 0 to 1.
    """
    longest: float = min(CAP_S, BASE_S * 2 ** (attempt - 1))
    return retry_after_s + chance * longest


def patience_s(attempt: int, left_s: float) -> float:
    """Return the maximum duration of an attempt, in seconds.

    Each of the first two attempts may use half of the remaining time. If no reply arrives, the
    other half is left for a retry, or to search for a message that may have been written. Later
    attempts are limited only by the deadline.

    Args:
        attempt: the number of the attempt; 1 or more.
        left_s: the time until the call's deadline, in seconds.
    """
    return left_s / 2 if attempt < PATIENT else math.inf


class RetryBudget(Struct):
    """Limits the number of retries, so that they do not make an outage worse.

    Each retry costs 1, and each success earns 0.1. So while an upstream is down, it receives at
    most ten retries in total, in addition to the first attempt of each request.

    Attributes:
        left: the number of retries that are available now.
        most: the maximum of `left`.
        earned: the fraction of a retry that a success adds.
    """

    left: float = 10.0
    most: float = 10.0
    earned: float = 0.1

    def earn(self) -> None:
        """Add a fraction of a retry, after a success."""
        self.left = min(self.most, self.left + self.earned)

    def spend(self) -> bool:
        """Use one retry and return True, or return False if no retry is left."""
        if self.left < 1:
            return False
        self.left -= 1
        return True
