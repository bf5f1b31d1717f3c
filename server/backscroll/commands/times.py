"""Parses the times in the values of options, and formats times for people."""

import time
from datetime import UTC, datetime
from typing import Final

import click

_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, beyond which Python has no dates."""


def in_utc(seconds: int | None) -> str:
    """Format a time in UTC, such as `2026-11-21 10:00`.

    Args:
        seconds: the time in Unix seconds; None if it is unknown.

    Returns:
        The text; empty if the time is unknown, before 1970 or after 9999.
    """
    if seconds is None or not 0 <= seconds <= _LATEST:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def since_s(option: str, text: str) -> int | None:
    """Parse the value of an option such as `--since`, and return it in Unix seconds.

    Args:
        option: the name of the option, for the error.
        text: the value: a date, a time or an age, as `backscroll_tools.periods` parses it; may be
            empty.

    Returns:
        The time, or the first second of a day, month or year; None if the text is empty.

    Raises:
        click.UsageError: the text is neither empty nor a date, a time or an age.
    """
    from backscroll_tools.errors import ToolError
    from backscroll_tools.periods import period

    try:
        return period({"since": text}, int(time.time())).since_s
    except ToolError:
        line = f"{option} {text!r} is not a date, a time or an age, such as 2026-11-21 or 30d"
        raise click.UsageError(line) from None
