"""A person's terminal: how wide it is, and text that others wrote, shown and never obeyed."""

import shutil
import sys
from typing import Final, TextIO

from backscroll_tools.plain import plain

WIDTH: Final = 100
"""The most characters of a line that is wrapped for a person."""


def columns() -> int:
    """Return how many characters fit in a line of the terminal, `WIDTH` at most."""
    return min(shutil.get_terminal_size().columns, WIDTH)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write text, and a line end where it has none: escaped to a terminal, else verbatim.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    stream = stream or sys.stdout
    end = "" if text.endswith("\n") else "\n"
    stream.write((plain(text) if stream.isatty() else text) + end)
    stream.flush()


def verbatim(stream: TextIO) -> None:
    """Make a stream carry every text unaltered, whatever the locale and the system."""
    if not stream.isatty() and hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", newline="\n")
