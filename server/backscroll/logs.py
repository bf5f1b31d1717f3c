"""What is logged: to stderr, and never a value that may be message text."""

import logging
import sys
import traceback
from types import TracebackType
from typing import Final

_OURS: Final = ("backscroll", "backscroll_tools")


class PlacesOnly(logging.Formatter):
    """Shows an exception as its type and the places it came through: its text may quote data."""

    def formatException(  # noqa: N802 - overrides logging.Formatter
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return an exception's type and the functions and lines that it came through."""
        kind, _, trace = ei
        places = " > ".join(f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(trace))
        return f"{kind.__name__ if kind else 'No exception'} at {places}"


def configure(level: str) -> None:
    """Send the log to stderr.

    Args:
        level: the least grave record of Backscroll's own that is shown: `debug`, `info`, `warning`
            or `error`. Of libraries only warnings and errors are, because below that they log
            what they handle.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlacesOnly("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
