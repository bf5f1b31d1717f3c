"""Reads which conversations the command is to forget."""

import time
from collections.abc import Sequence

from backscroll.process.exits import CommandError
from backscroll.store.archive.records import Selection
from backscroll_tools.errors import ToolError
from backscroll_tools.periods import period


def selection(ids: Sequence[str], source: str, project: str, before: str) -> Selection | None:
    """Return what to forget, or None if no condition is given.

    Args:
        ids: the ids.
        source: the source's name.
        project: the project.
        before: a date, a time or an age, as `backscroll_tools.periods` reads it.

    Raises:
        CommandError: `before` is none of these.
    """
    before_s = _seconds(before) if before else None
    found = Selection(ids=tuple(ids), source=source, project=project, before_s=before_s)
    return None if found == Selection() else found


def _seconds(before: str) -> int | None:
    try:
        return period({"since": before}, int(time.time())).since_s
    except ToolError:
        line = f"--before {before!r} is not a date, a time or an age, such as 2026-11-21 or 90d"
        raise CommandError(line) from None
