"""How a command ends: in silence where a person stopped it, in one line where it cannot go on."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from backscroll.settings.operator_errors import OperatorError

UNUSABLE: Final = 2
"""A setting, a database or an argument that cannot be used; what a shell expects of misuse."""

INTERRUPTED: Final = 130
"""128 + SIGINT, as a shell reports it."""

PIPE_CLOSED: Final = 141
"""128 + SIGPIPE, as a shell reports it."""


class CommandError(OperatorError):
    """What keeps a command from its work, as one line that says the way out."""


@contextmanager
def clean_exit() -> Iterator[None]:
    """End the process as a shell expects, and without a traceback, where that can be foreseen.

    Raises:
        SystemExit: 2 after one line on stderr for a setting, database or argument that cannot be
            used; 130 after an interrupt; 141 when who read stdout has gone.
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
    """Raise KeyboardInterrupt where SIGINT finds an event loop.

    `asyncio.Runner` would cancel its task instead, which waits until a file has been read, and
    cuts off a clean end. It leaves a handler alone that is not Python's own.
    """
    before = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(f"backscroll: {line}", file=sys.stderr)  # noqa: T201 - what a person reads


def _leave_pipe() -> NoReturn:
    # Python flushes stdout once more at its end, and would complain of the pipe again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(PIPE_CLOSED)
