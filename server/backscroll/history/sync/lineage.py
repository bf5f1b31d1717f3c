"""Recognises forks during a sync, so that the items that they copied are stored only once."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct, field

from backscroll.history.conversation import SourceConversation
from backscroll.history.stored_form import import_key
from backscroll.history.streamed_items import StreamedItems
from backscroll.history.sync.forks import from_first_own, without_copies
from backscroll.store.archive.archive import Archive
from backscroll.store.archive.records import ImportedConversation

_MOST_ANCESTORS: Final = 16


class Lineage(Struct):
    """Finds, in one partition, the parent of each fork: the conversation from which it was forked.

    If a conversation names no parent, it is a fork if its first item also occurs in a conversation
    that this sync read earlier. A conversation that was imported before keeps its parent.
    """

    store: Archive
    partition: str
    _holders: dict[int, str] = field(default_factory=dict)

    async def own_part(
        self, record: SourceConversation, pending: Iterable[ImportedConversation]
    ) -> SourceConversation | None:
        """Return a conversation without its copied items, or None if all its items are copies.

        Args:
            record: the conversation as it was read.
            pending: the conversations of this sync that are not written yet.
        """
        if not record.has_shared_keys:
            return record
        written = {each.key: each for each in pending}
        key = import_key(record.source, record.id)
        known = await self._known_parent(key, written)
        parent = self._parent(record) if known is None else known
        if parent:
            record = await self._without_copies(record, parent, written)
        self._note(record)
        return record if record.items else None

    def _parent(self, record: SourceConversation) -> str:
        """Return the parent of a conversation that was not imported before; empty if none."""
        first = next(iter(record.items), None)
        if record.parent or first is None:
            return record.parent
        holder = self._holders.get(hash((record.source, first.key)), "")
        return "" if holder == record.id else holder

    async def _without_copies(
        self, record: SourceConversation, parent: str, written: dict[str, ImportedConversation]
    ) -> SourceConversation:
        # The first stored item of the fork is its first own item. Without stored items, the items
        # of the parent tell where the copies end, but the parent can be forgotten in the store.
        own = await self._keys(import_key(record.source, record.id), written)
        if any(item.key in own for item in record.items):
            return from_first_own(record, parent, own)
        return without_copies(record, parent, await self._inherited(record, parent, written))

    async def _known_parent(self, key: str, written: dict[str, ImportedConversation]) -> str | None:
        if key in written:
            return written[key].metadata.get("parent", "")
        stored = await self.store.lineage(key, self.partition)
        return None if stored is None else stored.parent

    async def _inherited(
        self, record: SourceConversation, parent: str, written: dict[str, ImportedConversation]
    ) -> set[str]:
        """Return the keys of the items of the parent, of the parent's parent and so on."""
        keys: set[str] = set()
        seen = {record.id}
        for _ in range(_MOST_ANCESTORS):
            if not parent or parent in seen:
                break
            seen.add(parent)
            key = import_key(record.source, parent)
            keys |= await self._keys(key, written)
            parent = await self._known_parent(key, written) or ""
        return keys

    async def _keys(self, key: str, written: dict[str, ImportedConversation]) -> frozenset[str]:
        if key in written:
            return frozenset(item.key for item in written[key].items if item.key is not None)
        return await self.store.item_keys(key, self.partition)

    def _note(self, record: SourceConversation) -> None:
        if not isinstance(record.items, StreamedItems):
            for item in record.items:
                self._holders.setdefault(hash((record.source, item.key)), record.id)
