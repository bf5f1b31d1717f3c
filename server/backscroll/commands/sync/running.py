"""Runs a sync for the command, and shows the files found, the progress and the result."""

import asyncio
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from backscroll.commands.local_store import is_missing, opened_archive
from backscroll.commands.progress import progress
from backscroll.commands.sync.on_request import SMALL_GROUP, requested_rounds
from backscroll.commands.sync.shown import here, show
from backscroll.history.sources.finding import FoundSource
from backscroll.history.sources.source import Source
from backscroll.history.sync.changes import changed
from backscroll.history.sync.following import FollowedLogs
from backscroll.history.sync.reading import read_file
from backscroll.history.sync.syncing import SyncOptions, sync
from backscroll.history.sync.tally import SyncTally
from backscroll.history.sync.watching import Rounds, watch


class SyncCommand(Struct, frozen=True, kw_only=True):
    """What `backscroll sync` was asked to do.

    Attributes:
        database: the store's URL.
        sources: the sources to sync.
        options: how to sync.
        say: writes a line of the result.
        indexes_tools: whether search also finds the calls and outputs of tools.
    """

    database: str
    sources: Sequence[Source]
    options: SyncOptions
    say: Callable[[str], None]
    indexes_tools: bool = False

    async def show(self) -> None:
        """Show how many files were found, and how many of them are new or changed.

        No file is read or imported.
        """
        sources = here(self.sources)
        if is_missing(self.database):  # opening the store would create it
            self._show(sources, changed(sources, {}, self.options.since_s))
            return
        async with opened_archive(self.database) as store:
            known = await store.watermarks(self.options.partition)
        self._show(sources, changed(sources, known, self.options.since_s))

    async def run(self) -> SyncTally:
        """Sync once, and return what was done.

        Raises:
            OperatorError: the database cannot be used.
        """
        sources = here(self.sources)
        async with opened_archive(self.database, indexes_tools=self.indexes_tools) as store:
            known = await store.watermarks(self.options.partition)
            new = changed(sources, known, self.options.since_s)
            self._show(sources, new)
            with progress("sync", sum(each.size for each in new)) as advance:
                options = replace(self.options, advance=advance)
                tally = await sync(store, sources, read_file, options)
        for line in tally.lines() if sources else ():
            self.say(line)
        return tally

    async def watch(self, on_request: bool = False) -> None:  # noqa: FBT001, FBT002 - anyio.run passes no names
        """Sync whenever a file changes, and say what was done, until the process is interrupted.

        Args:
            on_request: whether a server started the sync and asks for rounds, as the module
                `on_request` describes. If so, `say` is not called.

        Raises:
            OperatorError: the database cannot be used.
        """
        async with opened_archive(self.database, indexes_tools=self.indexes_tools) as store:
            rounds = await requested_rounds() if on_request else Rounds(_slept, self._after)
            options = replace(self.options, group_items=SMALL_GROUP) if on_request else self.options
            if not on_request:
                sources = here(self.sources)
                known = await store.watermarks(options.partition)
                self._show(sources, changed(sources, known, options.since_s))
                self.say("watching for changes; Ctrl-C ends it")
            await watch(store, lambda: here(self.sources), FollowedLogs(), options, rounds)

    def _after(self, tally: SyncTally | None) -> None:
        for line in tally.lines() if tally is not None and tally.by_source else ():
            self.say(line)

    def _show(self, sources: Sequence[FoundSource], new: Sequence[FoundSource]) -> None:
        if sources:
            show(sources, new, self.say, self.options.refuse)
        else:
            names = ", ".join(source.name for source in self.sources)
            self.say(f"no sessions were found of: {names}")
            self.say("to bring in files that you have elsewhere: backscroll import PATH")


async def _slept(seconds: float) -> bool:
    await asyncio.sleep(seconds)
    return True
