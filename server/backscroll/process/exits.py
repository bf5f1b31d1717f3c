"""How a command ends: silently if a person stopped it, with one line if it cannot continue."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from backscroll.settings.operator_errors import OperatorError

UNUSABLE: Final = 2
"""The exit code for a setting, a database or an argument that cannot be used."""

INTERRUPTED: Final = 130
"""128 + SIGINT, as a shell reports it."""

PIPE_CLOSED: Final = 141
"""128 + SIGPIPE, as a shell reports it."""


class CommandError(OperatorError):
    """A command cannot do its work; the message is one line that says how to fix it."""


@contextmanager
def clean_exit() -> Iterator[None]:
    """End the process with the exit code that a shell expects, without a traceback.

    Raises:
        SystemExit: 2 after one line on stderr for a setting, database or argument that cannot be
            used; 130 after an interrupt; 141 if the reader of stdout has gone.
    """
    try:
        yield
        if sys.stdout is not None:
            sys.stdout.flush()
    except OperatorError as error:
        _say(str(error))
        sys.exit(UNUSABLE)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _leave_pipe()


@contextmanager
def interrupted_at_once() -> Iterator[None]:
    """Raise KeyboardInterrupt at SIGINT even while an event loop runs.

    `asyncio.Runner` would cancel its task instead, which waits for a file that is being read and
    interrupts a clean shutdown. It does not replace a handler other than Python's own.
    """
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(f"backscroll: {line}", file=sys.stderr)  # noqa: T201 - printed for a person


def _leave_pipe() -> NoReturn:
    # Python flushes stdout again when it exits, and would report the broken pipe again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(PIPE_CLOSED)
