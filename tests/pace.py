"""Measures how much slower than usual this machine is, and adapts time limits to it.

The work that is timed is CPU time and the start of a process, because that is what tests wait for.
It is timed once, before the first test; workers and child processes read the factor from the
environment. Load may come later, so `limit_s` is generous: such a limit ends a hang, and times
nothing.
"""

import os
import subprocess
import sys
import time
from typing import Final

VARIABLE: Final = "BACKSCROLL_TEST_SLOWNESS"
"""The variable that passes the factor on, or sets it: a number from 1 to 10."""

_MOST: Final = 10.0
_USUAL_S: Final = 0.25
"""How long the work takes on two idle cores of 2020."""

_PATIENCE: Final = 5
"""The minimum factor of every limit that ends a hang, because load may come later."""
_STARTED: Final = "import asyncio, email.message, json, sqlite3, ssl"
_ROUNDS: Final = 1_000_000


def _measured() -> float:
    """Return how many times longer than usual the work takes, between 1 and `_MOST`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-c", _STARTED], check=True)
    total = 0
    for number in range(_ROUNDS):
        total += number * number
    return min(max((time.perf_counter() - began) / _USUAL_S, 1.0), _MOST)


SLOWNESS: Final = float(os.environ.get(VARIABLE) or round(_measured(), 2))
"""How many times longer than usual work takes here; 1 to 10."""

os.environ[VARIABLE] = str(SLOWNESS)


def limit_s(seconds: float) -> float:
    """Return the limit that ends a hang, in seconds.

    Args:
        seconds: much more than the wait takes on a machine at rest.
    """
    return seconds * max(_PATIENCE, 2 * SLOWNESS)


def paced_s(seconds: float) -> float:
    """Return a time that a test gives the product, or allows it, in seconds.

    Args:
        seconds: what is enough on a machine at rest.
    """
    return seconds * SLOWNESS
