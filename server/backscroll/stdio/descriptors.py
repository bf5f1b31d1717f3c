"""Reserves the process's stdin and stdout for the protocol."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def claimed() -> Iterator[tuple[int, int]]:
    """Yield file descriptors of stdin and stdout that no other code of the process uses.

    Within the context, descriptor 0 reads from the null device, and descriptor 1 writes to stderr.

    Raises:
        SystemExit: stdin or stdout is closed.
    """
    try:
        os.fstat(0), os.fstat(1)  # check first, because `dup` reuses closed descriptors
    except OSError:
        sys.exit("backscroll: stdin or stdout is closed, but the protocol needs both.")
    kept = os.dup(0), os.dup(1)
    null_device = os.open(os.devnull, os.O_RDWR)
    try:
        os.dup2(null_device, 0)
        try:
            os.dup2(2, 1)
        except OSError:  # stderr is closed
            os.dup2(null_device, 1)
        yield kept
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()  # flush while descriptor 1 still refers to stderr
        os.close(null_device)
        for descriptor, original in enumerate(kept):
            if sys.platform != "win32":
                os.set_blocking(original, True)  # the parent process may expect it to block
            os.dup2(original, descriptor)
            os.close(original)
