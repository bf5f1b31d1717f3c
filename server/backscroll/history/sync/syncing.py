"""Imports the new and changed files of sources in groups, each in one transaction."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from backscroll.database.faults import DatabaseBusyError
from backscroll.history.conversation import (
    NotNow,
    ReadElsewhere,
    Record,
    SourceConversation,
    Unreadable,
)
from backscroll.history.source_file import why
from backscroll.history.sources.finding import FoundFile, FoundSource
from backscroll.history.sources.source import Source
from backscroll.history.stored_form import import_key
from backscroll.history.sync.changes import changed, watermark
from backscroll.history.sync.lineage import Lineage
from backscroll.history.sync.stored_parts import Secrets, of_written, stored_parts
from backscroll.history.sync.tally import SyncTally
from backscroll.store.archive.archive import Archive
from backscroll.store.archive.records import ImportedConversation, ImportOutcome, Watermark

GROUP_CONVERSATIONS: Final = 64
"""The maximum number of conversations in one transaction."""

GROUP_ITEMS: Final = 512
"""A group is written once it has this many items, so that other writers wait only briefly."""

TRIES: Final = 5
"""The maximum number of attempts to write a group while other writers lock the database."""

ReadFile = Callable[[FoundFile, Source], Iterator[Record]]
"""Yields the conversations of a file of a source."""


class SyncOptions(Struct, frozen=True, kw_only=True):
    """The options of a sync.

    Attributes:
        partition: the partition to import into; empty for the shared one.
        redact: whether to replace secrets.
        since_s: files that were last modified before this time are not read. Conversations that
            last changed before this time are left out, unless the store has them already. In Unix
            seconds; None for all conversations.
        is_later_round: whether `watch` has synced before, so that a changed file changed while it
            watched. If the source has no databases, conversations that last changed before
            `since_s` are then not left out.
        refuse: is called with a line for each conversation or file that cannot be imported.
        group_items: a group is written once it has this many items.
        advance: is called with the size of each file that was read, in bytes.
    """

    partition: str = ""
    redact: bool = True
    since_s: float | None = None
    is_later_round: bool = False
    group_items: int = GROUP_ITEMS
    refuse: Callable[[str], None] = lambda _: None
    advance: Callable[[int], None] = lambda _: None


async def sync(
    store: Archive, found: Sequence[FoundSource], read: ReadFile, options: SyncOptions
) -> SyncTally:
    """Import what is new since the last sync.

    If nothing is new, this reads the watermarks and no file. If it is interrupted, the next sync
    continues: a file counts as imported only once its last conversation is written.

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


class _Member(Struct, frozen=True):
    """A conversation, or a part of a conversation, in a group.

    Attributes:
        source: the name of the conversation's source.
        conversation: the conversation, or a part of it.
        secrets: how many secrets of each kind an item had, by the key of the item.
        is_rest: whether this is a later part of a conversation, whose first part was written.
    """

    source: str
    conversation: ImportedConversation
    secrets: Secrets
    is_rest: bool = False


class _Group(Struct):
    """Conversations that are written in one transaction, with the watermarks of their files."""

    store: Archive
    options: SyncOptions
    lineage: Lineage
    tally: SyncTally = field(default_factory=SyncTally)
    _members: list[_Member] = field(default_factory=list)
    _watermarks: list[Watermark] = field(default_factory=list)
    _items: int = 0

    async def add_file(self, source: Source, file: FoundFile, read: ReadFile) -> None:
        """Add the conversations of a file, and write the group whenever it is full."""
        is_whole = True
        try:
            for record in read(file, source):
                if isinstance(record, ReadElsewhere):
                    continue
                if isinstance(record, Unreadable):
                    is_whole = is_whole and not isinstance(record, NotNow)
                    self._refuse(source, f"{file.path}: {record.position} {record.reason}")
                elif record.is_continued and not await self._is_stored(record):
                    await self.add_file(source, replace(file, imported=None), read)  # all of it
                    return
                elif await self._is_early(source, record):
                    is_whole = False
                else:
                    await self._add(source, record)
        except FileNotFoundError:
            return  # the file was removed after it was found
        except OSError as error:
            self._refuse(source, f"{file.path} {why(error)}")
            return
        if is_whole:
            self._watermarks.append(watermark(file))

    async def write(self) -> None:
        """Write the group, and empty it."""
        if not self._members and not self._watermarks:
            return
        outcomes = await self._written()
        for member, outcome in zip(self._members, outcomes, strict=True):
            self.tally.by_source[member.source].count(outcome, is_rest=member.is_rest)
            self.tally.redacted += of_written(member.secrets, outcome.written)
            if outcome.kind == "refused":
                self.options.refuse(f"{member.conversation.key}: {outcome.reason}")
        self._members, self._watermarks, self._items = [], [], 0

    async def _add(self, source: Source, record: SourceConversation) -> None:
        pending = [each.conversation for each in self._members]
        stored = await stored_parts(record, self.lineage, pending, redact=self.options.redact)
        if stored is None:
            return
        number = 0
        for number, part in enumerate(stored.parts):
            if number:
                await self.write()
            await self._add_part(source, part, stored.secrets, is_rest=number > 0)
        if number:
            # A conversation in `_members` must be whole, because forks are compared with it.
            await self.write()

    async def _add_part(
        self,
        source: Source,
        conversation: ImportedConversation,
        secrets: Secrets,
        *,
        is_rest: bool,
    ) -> None:
        is_long = len(conversation.items) > self.options.group_items
        if is_long and (is_rest or await self._is_new(conversation)):
            await self._write_in_parts(source, conversation, secrets, is_rest=is_rest)
            return
        self._members.append(_Member(source.name, conversation, secrets, is_rest))
        self._items += len(conversation.items)
        is_full = len(self._members) >= GROUP_CONVERSATIONS
        if is_full or self._items >= self.options.group_items:
            await self.write()

    async def _is_new(self, conversation: ImportedConversation) -> bool:
        return await self.store.lineage(conversation.key, self.options.partition) is None

    async def _write_in_parts(
        self,
        source: Source,
        conversation: ImportedConversation,
        secrets: Secrets,
        *,
        is_rest: bool,
    ) -> None:
        """Write a long new conversation in several transactions.

        Other writers thus wait only briefly. A conversation that the store has already is updated
        in one transaction instead, because the store compares all its items. That transaction is
        short, because few items have changed.
        """
        await self.write()
        for start in range(0, len(conversation.items), self.options.group_items):
            items = conversation.items[start : start + self.options.group_items]
            is_rest = is_rest or start > 0
            part = replace(conversation, items=items, is_tail=is_rest or conversation.is_tail)
            self._members.append(_Member(source.name, part, secrets, is_rest))
            await self.write()

    async def _written(self) -> list[ImportOutcome]:
        conversations = [each.conversation for each in self._members]
        tries = 1
        while True:
            try:
                return await self.store.import_conversations(
                    conversations, self.options.partition, self._watermarks
                )
            except DatabaseBusyError:
                if tries == TRIES:
                    raise
                tries += 1

    async def _is_early(self, source: Source, record: SourceConversation) -> bool:
        at = record.updated_at or record.created_at
        since_s = self.options.since_s
        if since_s is None or at is None or at >= since_s:
            return False
        if self.options.is_later_round and not source.has_databases:
            return False
        return not await self._is_stored(record)

    async def _is_stored(self, record: SourceConversation) -> bool:
        key = import_key(record.source, record.id)
        return await self.store.lineage(key, self.options.partition) is not None

    def _refuse(self, source: Source, line: str) -> None:
        self.tally.by_source[source.name].outcomes["refused"] += 1
        self.options.refuse(line)
