"""Imports conversations into the embedded store, or brings them up to date."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from backscroll.commands.local_store import opened_store
from backscroll.commands.progress import Advance, one_after_another
from backscroll.commands.transfer.formats.entries import (
    AllCopied,
    FromProgram,
    ImportEntry,
    ImportFile,
    ImportItem,
    Partly,
    Refused,
    Writable,
)
from backscroll.commands.transfer.redacting import OUTSIDE, redacted_import
from backscroll.commands.transfer.tally import ImportTally
from backscroll.history.source_file import why
from backscroll.history.sync.lineage import Lineage
from backscroll.history.sync.stored_parts import Secrets, of_written, stored_parts
from backscroll.store.app import Store
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedResponse,
    ImportedThread,
    ImportOutcome,
)

GROUP_ENTRIES: Final = 256
"""The maximum number of entries that are written in one transaction."""

GROUP_SIZE: Final = 1024 * 1024
"""As soon as a group of entries has this size, it is written. In the unit of `ImportFile.total`."""

GROUP_MESSAGES: Final = 10_000
"""As soon as a group of entries has this many messages and items, it is written. This bounds the
memory if the sizes of a source's entries are not known, or are in another unit than bytes."""


async def import_sources(  # noqa: PLR0913 - the options of the command
    database: str,
    sources: Iterable[ImportFile],
    refuse: Callable[[str], None],
    limit: int | None = None,
    partition: str = "",
    *,
    indexes_tools: bool = False,
    redacts_own: bool = False,
) -> ImportTally:
    """Import all entries of the sources in order.

    Each entry is imported completely or not at all. The exception is a conversation that is too
    long for memory: it is written in parts, and if a part fails, the parts before it are kept.

    Args:
        database: the store's URL.
        sources: the files, imported one after another.
        refuse: is called with each line to report. A line gives the position of a refused entry and
            the reason, or what was changed or left out, or what was imported before an
            interruption.
        limit: the maximum number of entries in total; None for no limit.
        partition: the partition to import into; empty for the shared one.
        indexes_tools: whether search also finds the calls and outputs of tools.
        redacts_own: whether secrets are replaced in entries of Backscroll's own formats. For the
            entries of other programs, `FromProgram.redacts` decides.

    Raises:
        StoreError: the database cannot be used.
        CommandError: the database failed during the import; entries imported earlier are kept.
    """
    tally = ImportTally()
    try:
        async with opened_store(database, indexes_tools=indexes_tools) as store:
            into = _Import(
                store, partition, tally, refuse, Lineage(store, partition), redacts_own=redacts_own
            )
            try:
                with one_after_another() as begin:
                    for source in sources:
                        most = None if limit is None else limit - into.taken
                        await into.read(source, most, begin(source.name, source.total))
                        if into.taken == limit:
                            break
                    await into.write()
            finally:
                into.report()
    except (KeyboardInterrupt, asyncio.CancelledError):
        refuse(f"interrupted: {tally}. These are kept; the same command imports the rest")
        raise
    return tally


class _Member(Struct, frozen=True):
    """An entry that waits in a group to be written. `item` is what the store imports for it."""

    source: ImportFile
    entry: ImportEntry
    item: Writable
    secrets: Secrets = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """How many messages or items the entry has; 0 if nothing is written for it."""
        match self.item:
            case ImportedThread(messages=members) | ImportedConversation(items=members):
                return len(members)
            case ImportedCompletion(messages=given, choices=made):
                return len(given) + len(made)
            case ImportedResponse(input=given, output=made):
                return len(given) + len(made)
            case _:
                return 0


class _Group(Struct):
    """Entries that wait to be written together.

    Attributes:
        members: the entries.
        size: the sum of their sizes.
        messages: how many messages and items they have.
    """

    members: list[_Member] = field(default_factory=list)
    size: int = 0
    messages: int = 0

    def add(self, member: _Member) -> None:
        """Add an entry."""
        self.members.append(member)
        self.size += member.entry.size
        self.messages += member.messages

    @property
    def is_full(self) -> bool:
        """Whether the group has reached one of its limits."""
        return (
            len(self.members) >= GROUP_ENTRIES
            or self.size >= GROUP_SIZE
            or self.messages >= GROUP_MESSAGES
        )


class _Import(Struct):
    """An import in progress.

    Attributes:
        taken: how many entries were read.
    """

    store: Store
    partition: str
    tally: ImportTally
    refuse: Callable[[str], None]
    lineage: Lineage
    redacts_own: bool
    taken: int = 0
    _group: _Group = field(default_factory=_Group)
    _replaced: Counter[str] = field(default_factory=Counter)
    _left_out: dict[str, Counter[str]] = field(default_factory=dict)

    async def read(self, source: ImportFile, most: int | None, advance: Advance) -> None:
        """Read at most `most` entries of a source, and write each group that is full.

        The last group may not be full. Its entries are written later, by `write`.
        """
        for entry in islice(source.entries, most):
            self.taken += 1
            try:
                await self._take(source, entry)
            except OSError as error:  # the items of a long conversation are read only now
                outcome = ImportOutcome(kind="refused", reason=why(error))
                self._count(_Member(source, entry, Refused(outcome.reason)), outcome)
            advance(entry.size)

    async def _take(self, source: ImportFile, entry: ImportEntry) -> None:
        """Add an entry to the group, and write the group if it is full."""
        forms, secrets = await self._forms(entry.item)
        first = next(forms)
        second = next(forms, None)
        member = _Member(source, entry, first, secrets)
        if second is not None:
            await self.write()
            self._count(member, await self._write_parts(chain((first, second), forms)))
            return
        self._group.add(member)
        # Report a refused entry at once, because the next line of stdin may arrive much later.
        if self._group.is_full or isinstance(first, Refused):
            await self.write()

    async def _forms(self, item: ImportItem) -> tuple[Iterator[Writable], Secrets]:
        """Return what the store imports for an entry, and the secrets that were replaced in it.

        A conversation that is too long for memory is returned in parts. A fork is returned without
        the items that it copied from its parent.
        """
        if isinstance(item, Partly):
            item = item.item
        if isinstance(item, Refused | AllCopied):
            return iter((item,)), {}
        if not isinstance(item, FromProgram):
            own, secrets = redacted_import(item) if self.redacts_own else (item, {})
            return iter((own,)), secrets
        waiting = (each.item for each in self._group.members)
        pending = [each for each in waiting if isinstance(each, ImportedConversation)]
        stored = await stored_parts(item.conversation, self.lineage, pending, redact=item.redacts)
        return (iter((AllCopied(),)), {}) if stored is None else (stored.parts, stored.secrets)

    async def _write_parts(self, forms: Iterator[Writable]) -> ImportOutcome:
        """Write the parts of a long conversation in order, and return their combined outcome."""
        whole = ImportOutcome(kind="present")
        for part in (form for form in forms if isinstance(form, ImportedConversation)):
            (outcome,) = await self.store.import_conversations([part], self.partition)
            if outcome.kind == "refused":
                return outcome
            changed = outcome if whole.kind == "present" else whole
            whole = replace(
                changed,
                repaired=whole.repaired + outcome.repaired,
                written=whole.written | outcome.written,
            )
        return whole

    async def write(self) -> None:
        """Write the entries that were read. Each is imported completely or not at all."""
        group, self._group = self._group.members, _Group()
        items = [member.item for member in group]
        changing = [
            each for each in items if isinstance(each, ImportedThread | ImportedConversation)
        ]
        unchanging = [
            each for each in items if isinstance(each, ImportedCompletion | ImportedResponse)
        ]
        of_changing = await self.store.import_conversations(changing, self.partition)
        of_unchanging: list[ImportOutcome] = []
        try:
            of_unchanging += await self.store.import_unchanging(unchanging, self.partition)
        finally:  # what was written counts, although the rest is interrupted
            self._count_all(group, iter(of_changing), iter(of_unchanging))

    def report(self) -> None:
        """Report the characters that were replaced, and the unknown fields that were left out."""
        for name, count in self._replaced.items():
            which = "1 character" if count == 1 else f"{count:,} characters"
            self.refuse(f"{name}: {which} that cannot be stored became U+FFFD")
        for name, fields in self._left_out.items():
            names = ", ".join(f"{each} ({count})" for each, count in fields.items())
            self.refuse(f"{name}: imported without unknown fields: {names}")

    def _count_all(
        self,
        group: Iterable[_Member],
        of_changing: Iterator[ImportOutcome],
        of_unchanging: Iterator[ImportOutcome],
    ) -> None:
        for member in group:
            outcome: ImportOutcome | None
            match member.item:
                case Refused(reason):
                    outcome = ImportOutcome(kind="refused", reason=reason)
                case AllCopied():
                    outcome = ImportOutcome(kind="present")
                case ImportedCompletion() | ImportedResponse():
                    outcome = next(of_unchanging, None)
                case _:
                    outcome = next(of_changing)
            if outcome is not None:
                self._count(member, outcome)

    def _count(self, member: _Member, outcome: ImportOutcome) -> None:
        source, entry = member.source, member.entry
        self.tally.redacted += of_written(member.secrets, outcome.written)
        if outcome.kind == "imported":
            self.tally.redacted += member.secrets.get(OUTSIDE, Counter())
        self.tally.count(source.source, outcome)
        if replaced := entry.replaced + outcome.repaired:
            self._replaced[source.name] += replaced
        if isinstance(entry.item, Partly) and outcome.kind == "imported":
            self._left_out.setdefault(source.name, Counter()).update(entry.item.left_out)
        if outcome.kind == "refused":
            where = f"{source.name}: {entry.position}" if entry.position else source.name
            self.refuse(f"{where}: {outcome.reason}")
