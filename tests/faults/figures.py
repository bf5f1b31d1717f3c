"""Figures of the long profile, for docs/reliability.md: what a test measured, in its own words."""

import json
import os
from pathlib import Path
from typing import Final

LONG: Final = os.environ.get("BACKSCROLL_TEST_PROFILE") == "long"
"""Whether the tests run at the sizes that are promised, and not at those of `make test`."""

FILE: Final = "BACKSCROLL_TEST_FIGURES"
"""The variable that names the file which figures are added to."""


def sized(quick: int, long: int) -> int:
    """Return how much of something to do in this profile."""
    return long if LONG else quick


def record(what: str, result: str) -> None:
    """Add a figure to the file, where one is named."""
    if path := os.environ.get(FILE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "result": result}) + "\n")
