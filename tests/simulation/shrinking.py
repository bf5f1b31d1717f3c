"""Finds the fewest faults with which a run still fails."""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def fewest(parts: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return the parts with which the run still fails; without any one of them, it does not.

    This is delta debugging ("Simplifying and Isolating Failure-Inducing Input", Zeller and
    Hildebrandt, 2002): ever smaller blocks are left out, as long as that makes no difference. It
    takes about n log n runs if few of n parts matter, and n² in the worst case.

    Args:
        parts: the parts of a run that fails.
        fails: whether the run with some of the parts, in the same order, fails.
    """
    if fails(parts[:0]):
        return []
    left = list(parts)
    block = len(left)
    while block:
        at, before = 0, len(left)
        while at < len(left):
            without = left[:at] + left[at + block :]
            if without and fails(without):
                left = without
            else:
                at += block
        # A single part that could not be left out before may be one now.
        block = block // 2 if block > 1 or len(left) == before else 1
    return left
