"""Reserves the process's stdin and stdout for the protocol."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def claimed() -> Iterator[tuple[int, int]]:
    """Yield file descriptors of stdin and stdout that nothing else in the process uses.

    Until the end of the context descriptor 0 is empty and descriptor 1 is stderr.

    Raises:
        SystemExit: one of them is closed.
    """
    try:
        kept = os.dup(0), os.dup(1)
    except OSError:
        sys.exit("backscroll: stdin or stdout is closed, but the protocol needs both.")
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(nothing, 0)
        try:
            os.dup2(2, 1)
        except OSError:  # stderr is closed
            os.dup2(nothing, 1)
        yield kept
    finally:
        sys.stdout.flush()  # this reaches stderr, because descriptor 1 still points there
        os.close(nothing)
        for descriptor, original in enumerate(kept):
            if sys.platform != "win32":
                os.set_blocking(original, True)  # the parent process shares it
            os.dup2(original, descriptor)
            os.close(original)
