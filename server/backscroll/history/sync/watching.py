"""Syncs again whenever files change."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll.database.faults import CommitUnknownError, NothingWrittenError
from backscroll.history.sources.finding import FoundFile, FoundSource
from backscroll.history.sync.syncing import ReadFile, SyncOptions, sync
from backscroll.history.sync.tally import SyncTally
from backscroll.store.archive.archive import Archive

INTERVAL_S: Final = 1.0
"""The minimum pause before the files are examined again, in seconds."""


class Rounds(Struct, frozen=True):
    """When a watch examines the files again, and what it calls afterwards.

    Attributes:
        wait: waits for a number of seconds, or until someone asks for the next round. It returns
            whether there is a next round.
        after: is called after each round, with the tally of its sync. The tally is None if no file
            had changed, or if the database could not be written.
    """

    wait: Callable[[float], Awaitable[bool]]
    after: Callable[[SyncTally | None], None] = lambda _: None


async def watch(
    store: Archive,
    find: Callable[[], Sequence[FoundSource]],
    read: ReadFile,
    options: SyncOptions,
    rounds: Rounds,
) -> None:
    """Sync, and sync again whenever a file is new or has changed, until there is no next round.

    While nothing changes, a round only calls `find`. A pause is at least as long as the sync before
    it, so that at most half of the time is spent on reading, even if files grow all the time. If
    the database cannot be written, the next round tries again. `options.refuse` gets the error, but
    not again while the same error repeats.

    Args:
        store: the store.
        find: returns the files as they are now.
        read: reads a file.
        options: how to sync.
        rounds: when to start each round, and what to call after it.

    Raises:
        OperatorError: the database cannot be used.
    """
    seen: Mapping[Path, FoundFile] = {}
    pause_s, failure = 0.0, ""
    while await rounds.wait(pause_s):
        found = find()
        files = {file.path: file for source in found for file in source.files}
        changed = [_differing(source, seen) for source in found]
        began = time.monotonic()
        tally = None
        if any(source.files for source in changed):
            try:
                tally = await sync(store, changed, read, options)
                seen = files
                failure = ""
                options = replace(options, is_later_round=True)
            except (NothingWrittenError, CommitUnknownError) as error:  # such as a full disk
                if failure != (failure := str(error)):
                    options.refuse(failure)
        pause_s = max(INTERVAL_S, time.monotonic() - began)
        rounds.after(tally)


def _differing(source: FoundSource, seen: Mapping[Path, FoundFile]) -> FoundSource:
    return replace(source, files=[file for file in source.files if seen.get(file.path) != file])
