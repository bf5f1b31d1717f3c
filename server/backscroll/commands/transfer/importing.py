"""Imports conversations into the embedded store, or brings them up to date."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from backscroll.commands.local_store import opened_store
from backscroll.commands.progress import progress
from backscroll.commands.transfer.formats import chitchat, documents
from backscroll.commands.transfer.formats.entries import ImportEntry, ImportFile, Partly, Refused
from backscroll.database.faults import StoreError
from backscroll.process.exits import CommandError
from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedConversation,
    ImportedThread,
    ImportOutcome,
)

FORMATS: Final = ("auto", chitchat.NAME, "jsonl")
GROUP_ENTRIES: Final = 64
"""The maximum number of entries that are written concurrently, so that they share one commit."""

GROUP_SIZE: Final = 1024 * 1024
"""A group of entries is written once it has this size, in the unit of `ImportFile.total`."""

_SNIFFED: Final = 256
_CHITCHAT_START: Final = re.compile(rb'\s*\{\s*"[0-9a-f-]{36}"\s*:\s*\{')


@dataclass(slots=True)
class ImportCounts:
    """How many entries had each outcome (`ImportKind`).

    Attributes:
        repaired: how many characters that cannot be stored became U+FFFD.
    """

    imported: int = 0
    updated: int = 0
    present: int = 0
    forgotten: int = 0
    refused: int = 0
    repaired: int = 0

    @property
    def total(self) -> int:
        """The total number of entries."""
        return self.imported + self.updated + self.present + self.forgotten + self.refused

    def __str__(self) -> str:
        updated = f", {self.updated} updated" if self.updated else ""
        forgotten = f", {self.forgotten} deleted or forgotten before" if self.forgotten else ""
        there = f"{self.present} already there"
        return f"{self.imported} imported{updated}, {there}{forgotten}, {self.refused} refused"


def open_source(path: str, kind: str, stdin: BinaryIO) -> ImportFile:
    """Open a source of conversations.

    Args:
        path: a file, `-` for stdin, or `chitchat` for the installed package's file.
        kind: one of `FORMATS`; `auto` detects it from the start of the file.
        stdin: the stream to read if the path is `-`.

    Raises:
        CommandError: the file cannot be read.
    """
    if path == chitchat.NAME:
        return chitchat.read(chitchat.installed())
    if path == "-":
        read = chitchat.read_stream if _is_chitchat(stdin, kind) else documents.read_stream
        return read(stdin, "stdin")
    try:
        # Open the path once: the bytes of a pipe can be read only once.
        file = Path(path).open("rb")  # noqa: SIM115 - the last entry closes it
        if not _is_chitchat(file, kind):
            return documents.read_file(file, path)
        with file:
            return chitchat.read_stream(file, path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None


async def import_sources(
    database: str,
    sources: Iterable[ImportFile],
    refuse: Callable[[str], None],
    limit: int | None = None,
    partition: str = "",
) -> ImportCounts:
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
    tally = ImportCounts()
    try:
        async with opened_store(database) as store:
            into = _Import(store, partition, tally, refuse)
            for source in sources:
                await into.read(source, None if limit is None else max(0, limit - tally.total))
    except (KeyboardInterrupt, asyncio.CancelledError):
        refuse(f"interrupted: {tally}. These are kept; the same command imports the rest")
        raise
    return tally


@dataclass(frozen=True, slots=True)
class _Import:
    """An import in progress."""

    store: Store
    partition: str
    tally: ImportCounts
    refuse: Callable[[str], None]

    async def read(self, source: ImportFile, most: int | None) -> None:
        """Import at most `most` entries of a source, and report the fields that are left out."""
        left_out: Counter[str] = Counter()
        repaired = self.tally.repaired
        try:
            with progress(source.name, source.total) as advance:
                for group in _groups(islice(source.entries, most)):
                    writes = [self._write(entry) for entry in group]
                    for entry, outcome in zip(group, await asyncio.gather(*writes), strict=True):
                        self._count(outcome, f"{source.name}: {entry.position}")
                        if isinstance(entry.item, Partly) and outcome.kind == "imported":
                            left_out.update(entry.item.left_out)
                        advance(entry.size)
        finally:
            if self.tally.repaired > repaired:
                count = self.tally.repaired - repaired
                self.refuse(
                    f"{source.name}: {count} characters that cannot be stored became U+FFFD"
                )
            if left_out:
                names = ", ".join(f"{name} ({count})" for name, count in left_out.items())
                self.refuse(f"{source.name}: imported without unknown fields: {names}")

    async def _write(self, entry: ImportEntry) -> ImportOutcome:
        item = entry.item.item if isinstance(entry.item, Partly) else entry.item
        if isinstance(item, Refused):
            return ImportOutcome(kind="refused", reason=item.reason)
        try:
            if isinstance(item, ImportedThread):
                return await self.store.import_thread(item, self.partition)
            if isinstance(item, ImportedConversation):
                return await self.store.import_conversation(item, self.partition)
            return await self.store.import_completion(item, self.partition)
        except StoreError as error:
            return ImportOutcome(kind="refused", reason=str(error))

    def _count(self, outcome: ImportOutcome, where: str) -> None:
        setattr(self.tally, outcome.kind, getattr(self.tally, outcome.kind) + 1)
        self.tally.repaired += outcome.repaired
        if outcome.kind == "refused":
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


def _is_chitchat(stream: BinaryIO, kind: str) -> bool:
    """Return whether the format is chitchat's. The position in the stream does not change."""
    if kind != "auto":
        return kind == chitchat.NAME
    return _CHITCHAT_START.match(documents.start_of(stream, _SNIFFED)) is not None
