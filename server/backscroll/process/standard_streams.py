"""Handles standard streams that are closed when the process starts."""

import os
import sys
from typing import Final

_STREAMS: Final = range(3)


def reserve_closed() -> None:
    """Open the null device on the descriptor of each closed standard stream.

    Otherwise the next file or socket would get that descriptor, and text that a library prints
    would end up in it. `sys.stdin` and `sys.stdout` remain None if they were closed, so that a
    command can refuse to run without them. If stderr was closed, text written to it is discarded.
    """
    for descriptor in _STREAMS:
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # equals `descriptor`, the lowest free number
            os.set_inheritable(opened, True)  # noqa: FBT003 - takes no keyword
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the process ends
