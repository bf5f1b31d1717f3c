"""One fixed seed for everything that the tests draw at random.

`make test` draws the same examples, the same faults and the same order every time, so that a
failure says something about the change or the machine. `BACKSCROLL_TEST_SEED` sets another seed,
and `make soak` draws a fresh one for each run.
"""

import os
import random
from collections.abc import Iterable
from typing import Final

import pytest
from hypothesis.internal.conjecture import providers

VARIABLE: Final = "BACKSCROLL_TEST_SEED"
"""The variable that names another seed; an integer from 0 on."""

FRESH: Final = bool(os.environ.get(VARIABLE))
"""Whether a seed is set, so that property tests draw from it and not from their own source."""

SEED: Final = int(os.environ.get(VARIABLE) or 0)

_ORDER: Final = "randomly_seed"
_EXAMPLES: Final = "hypothesis_seed"


def drawn() -> int:
    """Return a fresh seed."""
    return random.SystemRandom().randrange(1 << 32)


def settle(config: pytest.Config) -> None:
    """Set the seeds of the plugins that draw, unless the command line gives them.

    Must run before the plugins are configured.
    """
    if config.getoption(_ORDER, None) == "default":
        setattr(config.option, _ORDER, SEED)
    if FRESH and config.getoption(_EXAMPLES, None) is None:
        setattr(config.option, _EXAMPLES, str(SEED))
    # Hypothesis also draws literals that it finds in the modules imported so far, which depend on
    # the tests that a worker ran before.
    vars(providers)["is_local_module_file"] = _has_no_literals


def _has_no_literals(_: str) -> bool:
    return False


def told(config: pytest.Config) -> Iterable[str]:
    """Return the lines about the seed for the head of a report."""
    order = config.getoption(_ORDER, None)
    return [f"seed: {SEED}, order: {'as collected' if order is None else order}"]
