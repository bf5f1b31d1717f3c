"""Converts errors of commands into exit codes and one-line messages."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from backscroll.settings.operator_errors import OperatorError

UNUSABLE: Final = 2
"""The exit code for an `OperatorError`, or if the output cannot be written."""

INTERRUPTED: Final = 130
"""The exit code after an interrupt. As in shells, it is 128 plus the number of SIGINT."""

PIPE_CLOSED: Final = 141
"""The exit code if the reader of stdout has closed it: 128 plus the number of SIGPIPE."""


_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Error codes that mean that no more can be written to stdout."""


class CommandError(OperatorError):
    """A command fails. The message is one line that explains how to fix the cause."""


@contextmanager
def clean_exit() -> Iterator[None]:
    """Convert errors into exit codes, without a traceback.

    Raises:
        SystemExit: with one of three codes. The code is `UNUSABLE`, after one line on stderr, for
            an `OperatorError` or if the output cannot be written (the disk may be full). The code
            is `INTERRUPTED` after an interrupt, and `PIPE_CLOSED` if the reader of stdout has
            closed it.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OperatorError as error:
        _print_error(str(error))
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _discard_output()
        sys.exit(PIPE_CLOSED)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _discard_output()
        _print_error(f"the output cannot be written: {error.strerror}")
        sys.exit(UNUSABLE)


@contextmanager
def interrupted_at_once() -> Iterator[None]:
    """Raise KeyboardInterrupt at once after SIGINT, even while an event loop runs.

    `asyncio.Runner` would cancel its main task instead. A cancellation does not interrupt the
    reading of a file, but it can interrupt a shutdown. The runner replaces only Python's default
    handler of SIGINT, so this function installs a different handler before the runner starts.
    """
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _print_error(line: str) -> None:
    print(f"backscroll: {line}", file=sys.stderr)  # noqa: T201 - shows the user an error


def _discard_output() -> None:
    # When Python exits, it flushes stdout again. That would fail and print an error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
