"""Finds the files of programs on this machine, and shows them."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from backscroll.commands.sync.table import table
from backscroll.history.sources.finding import FoundSource, found
from backscroll.history.sources.source import Source, Surroundings


def here(sources: Sequence[Source]) -> list[FoundSource]:
    """Find the files that the programs of `sources` have on this machine now."""
    return found(Surroundings(os.environ, Path.home(), sys.platform), sources)


def show(
    sources: Sequence[FoundSource],
    new: Sequence[FoundSource],
    say: Callable[[str], None],
    refuse: Callable[[str], None],
) -> None:
    """Show a table of the files, and the folders that cannot be read.

    Args:
        sources: the files of at least one source.
        new: the files that are new or changed since the last sync.
        say: is called with the table.
        refuse: is called with a line for each folder that cannot be read.
    """
    say(table(sources, new))
    for each in sources:
        for folder in each.unreadable:
            refuse(f"{folder} cannot be read: check its permissions")
