"""Text that others wrote, on a person's terminal: shown, and never obeyed."""

import sys
from typing import TextIO

from backscroll_tools.plain import plain


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
