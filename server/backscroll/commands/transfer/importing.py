"""`backscroll import`: conversations into the embedded store, each at most once."""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from backscroll.commands.local_store import opened_store
from backscroll.commands.progress import progress
from backscroll.commands.transfer.formats import chitchat, jsonl
from backscroll.commands.transfer.formats.entries import Imported, ImportEntry, ImportFile, Refused
from backscroll.database.faults import StoreError
from backscroll.process.exits import CommandError
from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedConversation, ImportedThread

FORMATS: Final = ("auto", chitchat.NAME, "jsonl")
GROUP_ENTRIES: Final = 64
"""How many entries are given to the store at once, which commits together what waits together."""

GROUP_SIZE: Final = 1024 * 1024
"""What the sizes of a group's entries add up to when it takes no more; most are in bytes."""

_SNIFFED: Final = 256
_CHITCHAT_START: Final = re.compile(rb'\s*\{\s*"[0-9a-f-]{36}"\s*:\s*\{')


@dataclass(slots=True)
class ImportCounts:
    """What became of the entries."""

    imported: int = 0
    present: int = 0
    refused: int = 0

    @property
    def total(self) -> int:
        """Every entry there was."""
        return self.imported + self.present + self.refused

    def __str__(self) -> str:
        return f"{self.imported} imported, {self.present} already there, {self.refused} refused"


def open_source(path: str, kind: str, stdin: BinaryIO) -> ImportFile:
    """Return the conversations at a path.

    Args:
        path: a file, `-` for stdin, or `chitchat` for the installed package's file.
        kind: one of `FORMATS`; `auto` looks at how the file begins.
        stdin: what `-` reads.

    Raises:
        CommandError: nothing can be read there.
    """
    if path == "-":
        return jsonl.read_stream(stdin, "stdin")
    if path == chitchat.NAME:
        return chitchat.read(chitchat.installed())
    if kind == chitchat.NAME or (kind == "auto" and _begins_as_chitchat(Path(path))):
        return chitchat.read(Path(path))
    return jsonl.read(Path(path))


async def import_sources(
    database: str,
    sources: Iterable[ImportFile],
    refuse: Callable[[str], None],
    limit: int | None = None,
    partition: str = "",
) -> ImportCounts:
    """Import what the sources hold, each conversation whole or not at all, in their order.

    Args:
        database: the store's URL.
        sources: taken one after the other.
        refuse: told where each refused entry stands, and why.
        limit: the most entries that are taken in all; None for all there are.
        partition: where in the store they come to be.

    Raises:
        StoreError: the database cannot be used.
        CommandError: the database failed on the way; what was imported until then stays.
    """
    tally = ImportCounts()
    async with opened_store(database) as store:
        for source in sources:
            with progress(source.name, source.total) as advance:
                left = None if limit is None else max(0, limit - tally.total)
                for group in _groups(islice(source.entries, left)):
                    for entry, outcome in zip(
                        group, await _write_all(store, group, partition), strict=True
                    ):
                        match outcome:
                            case Refused(reason):
                                tally.refused += 1
                                refuse(f"{source.name}: {entry.place}: {reason}")
                            case True:
                                tally.imported += 1
                            case False:
                                tally.present += 1
                        advance(entry.size)
    return tally


def _groups(entries: Iterator[ImportEntry]) -> Iterator[list[ImportEntry]]:
    group: list[ImportEntry] = []
    for entry in entries:
        group.append(entry)
        full = len(group) == GROUP_ENTRIES or sum(held.size for held in group) >= GROUP_SIZE
        # Who types or pipes the entries hears of a refused one before the next is there.
        if full or isinstance(entry.item, Refused):
            yield group
            group = []
    if group:
        yield group


async def _write_all(
    store: Store, group: Sequence[ImportEntry], partition: str
) -> list[bool | Refused]:
    return await asyncio.gather(*(_write(store, entry.item, partition) for entry in group))


async def _write(store: Store, item: Imported | Refused, partition: str) -> bool | Refused:
    if isinstance(item, Refused):
        return item
    try:
        if isinstance(item, ImportedThread):
            return await store.import_thread(item, partition)
        if isinstance(item, ImportedConversation):
            return await store.import_conversation(item, partition)
        return await store.import_completion(item, partition)
    except StoreError as error:
        return Refused(str(error))


def _begins_as_chitchat(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _CHITCHAT_START.match(file.read(_SNIFFED)) is not None
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
