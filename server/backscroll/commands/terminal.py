"""Writes output for terminals: with limited line lengths and escaped control characters."""

import shutil
import sys
from io import TextIOWrapper
from typing import Final, TextIO

import click

from backscroll.process.exits import CommandError
from backscroll_tools.plain import plain

WIDTH: Final = 100
"""The maximum length of a wrapped line, in characters."""


def columns() -> int:
    """Return the width of the terminal in characters, but at most `WIDTH`."""
    return min(shutil.get_terminal_size().columns, WIDTH)


def write(text: str, stream: TextIO | None = None) -> None:
    """Write text and a line end. If the stream is a terminal, control characters are escaped.

    Raises:
        BrokenPipeError: the reader has closed the stream.
    """
    stream = stream or sys.stdout
    end = "" if text.endswith("\n") else "\n"
    stream.write((plain(text) if stream.isatty() else text) + end)
    stream.flush()


def counted(count: int, noun: str) -> str:
    """Return a count and its noun, such as `1 thread` or `2,000 threads`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def warn(line: str) -> None:
    """Write `backscroll: ` and a line to stderr. Control characters in the line are escaped."""
    click.echo(f"backscroll: {plain(line)}", err=True)


def stdout() -> TextIO:
    """Return stdout.

    Commands call this before their work, because without stdout their result would be lost.

    Raises:
        CommandError: stdout is closed.
    """
    if sys.stdout is None:
        raise CommandError("stdout is closed, but this command writes its result there")
    return sys.stdout


def verbatim() -> TextIO:
    """Return stdout. Unless stdout is a terminal, make it write UTF-8 and line feeds.

    Raises:
        CommandError: stdout is closed.
    """
    stream = stdout()
    if not stream.isatty() and isinstance(stream, TextIOWrapper):
        stream.reconfigure(encoding="utf-8", newline="\n")
    return stream
