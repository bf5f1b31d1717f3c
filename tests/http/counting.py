"""Counts the calls of functions on the event loop's thread, and the sizes of their arguments."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any


@dataclass
class Calls:
    """Calls of one function.

    Attributes:
        count: how many there were.
        sizes: the size of the largest text or bytes among the arguments of each.
    """

    count: int = 0
    sizes: list[int] = field(default_factory=list)


@contextmanager
def calls_of(*functions: Callable[..., Any]) -> Iterator[list[Calls]]:
    """Count the calls of functions in this thread until the end of the context.

    Args:
        functions: those of Python's own that are written in Python.
    """
    counted: dict[CodeType, Calls] = {function.__code__: Calls() for function in functions}

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (calls := counted.get(frame.f_code)):
            calls.count += 1
            given = (value for value in frame.f_locals.values() if isinstance(value, str | bytes))
            calls.sizes.append(max(map(len, given), default=0))

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield list(counted.values())
    finally:
        sys.setprofile(before)
