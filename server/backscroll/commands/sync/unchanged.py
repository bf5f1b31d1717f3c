"""Recognises that nothing is new, without opening the store, which takes most of such a sync."""

from collections.abc import Mapping, Sequence

import click

from backscroll.commands.sync.shown import here, show
from backscroll.commands.terminal import warn
from backscroll.history.sources.source import Source
from backscroll.history.sync.changes import changed
from backscroll.history.sync.tally import NOTHING_NEW
from backscroll.settings.model import Settings
from backscroll.settings.paths import sqlite_path
from backscroll.store.archive.records import Watermark
from backscroll.store.archive.unopened import watermarks_in


def is_shown_as_unchanged(
    settings: Settings, sources: Sequence[Source], since_s: float | None
) -> bool:
    """Return whether nothing is new, and if so, show the same as a sync that finds nothing new.

    The result is false, and nothing is shown, if there are no files, or if only the open store
    tells what is new: it is in PostgreSQL, does not exist yet, or has to be migrated or repaired.

    Args:
        settings: the store's database and the partition.
        sources: the sources to sync.
        since_s: as in `changed`.
    """
    known = _watermarks(settings)
    found = [] if known is None else here(sources)
    if known is None or not found or changed(found, known, since_s):
        return False
    show(found, (), click.echo, warn)
    click.echo(NOTHING_NEW)
    return True


def _watermarks(settings: Settings) -> Mapping[str, Watermark] | None:
    try:
        path = sqlite_path(settings.database_url)
    except ValueError:  # not SQLite, or an invalid URL; opening an invalid URL gives the error
        return None
    return None if path is None else watermarks_in(path, settings.project)
