"""Imports the new and changed files of sources, in groups that are each one transaction."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from backscroll.database.faults import DatabaseBusyError
from backscroll.history.conversation import NotNow, ReadElsewhere, SourceConversation, Unreadable
from backscroll.history.formats.format import Record
from backscroll.history.redaction.redacting import redacted
from backscroll.history.sources.finding import FoundFile, FoundSource
from backscroll.history.sources.source import Source
from backscroll.history.stored_form import stored_form
from backscroll.history.sync.changes import changed, watermark
from backscroll.history.sync.lineage import Lineage
from backscroll.history.sync.parts import parts
from backscroll.history.sync.tally import SyncTally
from backscroll.store.app import Store
from backscroll.store.archive.records import ImportedConversation, ImportOutcome, Watermark

GROUP_CONVERSATIONS: Final = 64
"""The maximum number of conversations in one transaction."""

GROUP_ITEMS: Final = 512
"""A group is written once it has this many items, so that other writers wait for a short time."""

TRIES: Final = 5
"""How often a group is written if other writers keep the database locked."""

ReadFile = Callable[[FoundFile, Source], Iterator[Record]]
"""Yields the conversations of a file of a source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """How to sync.

    Attributes:
        partition: the partition to import into; empty for the shared one.
        redact: whether to replace secrets.
        since_s: leave out what last changed earlier, in Unix seconds; None for everything.
        refuse: is called with a line for each conversation or file that cannot be imported.
        advance: is called with the size of each file that was read, in bytes.
    """

    partition: str = ""
    redact: bool = True
    since_s: float | None = None
    refuse: Callable[[str], None] = lambda _: None
    advance: Callable[[int], None] = lambda _: None


async def sync(
    store: Store, found: Sequence[FoundSource], read: ReadFile, options: SyncOptions
) -> SyncTally:
    """Import what is new since the last sync.

    If nothing is new, this reads the watermarks and no file. If it is interrupted, the next sync
    continues: a file counts as imported only with its last conversation.

    Args:
        store: the store.
        found: the files as they are now.
        read: reads a file.
        options: how to sync.

    Raises:
        OperatorError: the database cannot be used.
    """
    known = await store.watermarks(options.partition)
    group = _Group(store, options, Lineage(store, options.partition))
    for each in changed(found, known, options.since_s):
        for file in each.files:
            await group.add_file(each.source, file, read)
            options.advance(file.size)
    await group.write()
    return group.tally


@dataclass(slots=True)
class _Group:
    """Conversations that are written in one transaction, with the watermarks of their files."""

    store: Store
    options: SyncOptions
    lineage: Lineage
    tally: SyncTally = field(default_factory=SyncTally)
    _sources: list[str] = field(default_factory=list)
    _conversations: list[ImportedConversation] = field(default_factory=list)
    _is_rest: list[bool] = field(default_factory=list)
    _watermarks: list[Watermark] = field(default_factory=list)
    _items: int = 0

    async def add_file(self, source: Source, file: FoundFile, read: ReadFile) -> None:
        """Add the conversations of a file, and write those that fill a group."""
        is_whole = True
        try:
            for record in read(file, source):
                if isinstance(record, ReadElsewhere):
                    continue
                if isinstance(record, Unreadable):
                    is_whole = is_whole and not isinstance(record, NotNow)
                    self._refuse(source, f"{file.path}: {record.position} {record.reason}")
                elif self._is_early(record):
                    is_whole = False
                else:
                    await self._add(source, record)
        except FileNotFoundError:
            return  # it was removed since it was found
        except OSError as error:
            self._refuse(source, f"{file.path} cannot be read: {error.strerror or error}")
            return
        if is_whole:
            self._watermarks.append(watermark(file))

    async def write(self) -> None:
        """Write the group, and empty it."""
        if not self._conversations and not self._watermarks:
            return
        outcomes = await self._written()
        for source, conversation, is_rest, outcome in zip(
            self._sources, self._conversations, self._is_rest, outcomes, strict=True
        ):
            self.tally.by_source[source].count(outcome, is_rest=is_rest)
            if outcome.kind == "refused":
                self.options.refuse(f"{conversation.key}: {outcome.reason}")
        self._sources, self._conversations, self._is_rest = [], [], []
        self._watermarks, self._items = [], 0

    async def _add(self, source: Source, record: SourceConversation) -> None:
        own = await self.lineage.own_part(record, self._conversations)
        if own is None:
            return
        for number, part in enumerate(parts(own)):
            if number:
                await self.write()
            await self._add_part(source, part, is_rest=number > 0)

    async def _add_part(self, source: Source, record: SourceConversation, *, is_rest: bool) -> None:
        kinds = Counter[str]()
        if self.options.redact:
            record, kinds = redacted(record)
        conversation = stored_form(record, int(time.time()))
        self._sources.append(source.name)
        self._conversations.append(conversation)
        self._is_rest.append(is_rest)
        self._items += len(conversation.items)
        self.tally.redacted.update(kinds)
        if self._items >= GROUP_ITEMS or len(self._conversations) >= GROUP_CONVERSATIONS:
            await self.write()

    async def _written(self) -> list[ImportOutcome]:
        for left in reversed(range(TRIES)):
            try:
                return await self.store.import_conversations(
                    self._conversations, self.options.partition, self._watermarks
                )
            except DatabaseBusyError:
                if not left:
                    raise
        raise AssertionError  # the last try returned or raised

    def _is_early(self, record: SourceConversation) -> bool:
        at = record.updated_at or record.created_at
        since_s = self.options.since_s
        return since_s is not None and at is not None and at < since_s

    def _refuse(self, source: Source, line: str) -> None:
        self.tally.by_source[source.name].outcomes["refused"] += 1
        self.options.refuse(line)
