"""Figures that tests of the long profile measured, for docs/reliability.md."""

import json
import os
from pathlib import Path
from typing import Final

LONG: Final = os.environ.get("BACKSCROLL_TEST_PROFILE") == "long"
"""Whether the tests run at full size, and not at the size of `make test`."""

FILE: Final = "BACKSCROLL_TEST_FIGURES"
"""The variable that names the file which figures are added to."""


def sized(quick: int, long: int) -> int:
    """Return how much of something to do in this profile."""
    return long if LONG else quick


def record(what: str, result: str) -> None:
    """Add a figure to the file, if the variable names one."""
    if path := os.environ.get(FILE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "result": result}) + "\n")
