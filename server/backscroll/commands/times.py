"""Reads the times that options name, and shows times to people."""

import time
from datetime import UTC, datetime
from typing import Final

import click

_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, beyond which Python has no dates."""


def in_utc(seconds: int | None) -> str:
    """Return a time in Unix seconds such as `2026-11-21 10:00`; empty if unknown or not a date."""
    if seconds is None or not 0 <= seconds <= _LATEST:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def since_s(option: str, text: str) -> int | None:
    """Return the start of the time that the text of an option names, in Unix seconds.

    Args:
        option: the name of the option, for the error.
        text: a date, a time or an age, as `backscroll_tools.periods` reads it; may be empty.

    Returns:
        The time; None if the text is empty.

    Raises:
        click.UsageError: the text is something else.
    """
    from backscroll_tools.errors import ToolError
    from backscroll_tools.periods import period

    try:
        return period({"since": text}, int(time.time())).since_s
    except ToolError:
        line = f"{option} {text!r} is not a date, a time or an age, such as 2026-11-21 or 30d"
        raise click.UsageError(line) from None
