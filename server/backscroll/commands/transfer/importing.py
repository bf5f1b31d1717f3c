"""Imports conversations into the embedded store, or brings them up to date."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from backscroll.commands.local_store import opened_store
from backscroll.commands.progress import progress
from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile, Partly, Refused
from backscroll.commands.transfer.tally import ImportTally
from backscroll.database.faults import StoreError
from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedThread,
    ImportOutcome,
)

GROUP_ENTRIES: Final = 64
"""The maximum number of entries that are written concurrently, so that they share one commit."""

GROUP_SIZE: Final = 1024 * 1024
"""A group of entries is written once it has this size, in the unit of `ImportFile.total`."""


async def import_sources(
    database: str,
    sources: Iterable[ImportFile],
    refuse: Callable[[str], None],
    limit: int | None = None,
    partition: str = "",
) -> ImportTally:
    """Import all entries of the sources in order. Each entry is imported completely or not at all.

    Args:
        database: the store's URL.
        sources: the files, imported one after another.
        refuse: is called for each refused entry, with a line that gives its position and the
            reason.
        limit: the maximum number of entries in total; None for no limit.
        partition: the partition to import into; empty for the shared one.

    Raises:
        StoreError: the database cannot be used.
        CommandError: the database failed during the import; entries imported earlier are kept.
    """
    tally = ImportTally()
    try:
        async with opened_store(database) as store:
            into = _Import(store, partition, tally, refuse)
            for source in sources:
                await into.read(source, None if limit is None else limit - tally.counts.total())
                if tally.counts.total() == limit:
                    break
    except (KeyboardInterrupt, asyncio.CancelledError):
        refuse(f"interrupted: {tally}. These are kept; the same command imports the rest")
        raise
    return tally


@dataclass(frozen=True, slots=True)
class _Import:
    """An import in progress."""

    store: Store
    partition: str
    tally: ImportTally
    refuse: Callable[[str], None]

    async def read(self, source: ImportFile, most: int | None) -> None:
        """Import at most `most` entries of a source, and report the fields that are left out."""
        left_out: Counter[str] = Counter()
        replaced = self.tally.replaced
        try:
            with progress(source.name, source.total) as advance:
                for group in _groups(islice(source.entries, most)):
                    writes = [self._write(entry) for entry in group]
                    for entry, outcome in zip(group, await asyncio.gather(*writes), strict=True):
                        self._count(source, entry, outcome)
                        if isinstance(entry.item, Partly) and outcome.kind == "imported":
                            left_out.update(entry.item.left_out)
                        advance(entry.size)
        finally:
            if count := self.tally.replaced - replaced:
                which = "1 character" if count == 1 else f"{count:,} characters"
                self.refuse(f"{source.name}: {which} that cannot be stored became U+FFFD")
            if left_out:
                names = ", ".join(f"{name} ({count})" for name, count in left_out.items())
                self.refuse(f"{source.name}: imported without unknown fields: {names}")

    async def _write(self, entry: ImportEntry) -> ImportOutcome:
        item = entry.item.item if isinstance(entry.item, Partly) else entry.item
        try:
            match item:
                case Refused(reason):
                    return ImportOutcome(kind="refused", reason=reason)
                case ImportedThread():
                    return await self.store.import_thread(item, self.partition)
                case ImportedConversation():
                    return await self.store.import_conversation(item, self.partition)
                case _:
                    return await self.store.import_completion(item, self.partition)
        except StoreError as error:
            return ImportOutcome(kind="refused", reason=str(error))

    def _count(self, source: ImportFile, entry: ImportEntry, outcome: ImportOutcome) -> None:
        self.tally.count(source.source, outcome)
        self.tally.replaced += entry.replaced
        if outcome.kind == "refused":
            where = f"{source.name}: {entry.position}" if entry.position else source.name
            self.refuse(f"{where}: {outcome.reason}")


def _groups(entries: Iterator[ImportEntry]) -> Iterator[list[ImportEntry]]:
    group: list[ImportEntry] = []
    for entry in entries:
        group.append(entry)
        full = len(group) == GROUP_ENTRIES or sum(member.size for member in group) >= GROUP_SIZE
        # Report a refused entry at once, because the next line of stdin may arrive much later.
        if full or isinstance(entry.item, Refused):
            yield group
            group = []
    if group:
        yield group
