"""Terminal output: the width of lines, and escaped control characters."""

import shutil
import sys
from typing import Final, TextIO

from backscroll_tools.plain import plain

WIDTH: Final = 100
"""The maximum length of a wrapped line, in characters."""


def columns() -> int:
    """Return the width of the terminal in characters, `WIDTH` at most."""
    return min(shutil.get_terminal_size().columns, WIDTH)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write text and a line end; on a terminal, control characters are escaped.

    Raises:
        BrokenPipeError: the reader has closed the stream.
    """
    stream = stream or sys.stdout
    end = "" if text.endswith("\n") else "\n"
    stream.write((plain(text) if stream.isatty() else text) + end)
    stream.flush()


def verbatim(stream: TextIO) -> None:
    """Make a stream write UTF-8 and plain line feeds on every system, unless it is a terminal."""
    if not stream.isatty() and hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", newline="\n")
