"""Updates a thread or conversation, in the transaction of an import."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, case, delete, select, update
from sqlalchemy.sql.elements import ColumnElement

from backscroll.store.activity import US, newest_message_at
from backscroll.store.archive.difference import REMOVED, Difference, Known, Placed
from backscroll.store.archive.prepared import THREADS, Prepared
from backscroll.store.conversation_object import is_message
from backscroll.store.envelopes import JSON
from backscroll.store.search import index
from backscroll.store.search.texts import Entry

_CHUNK: Final = 200
"""How many messages or items are read into memory at a time."""


class Update(Struct, frozen=True):
    """Changes one thread or conversation.

    Attributes:
        connection: a connection in a write transaction.
        partition: the partition.
        prepared: the imported thread or conversation.
        row: the row of the thread or conversation, which is locked.
        entries: the search entries of imported messages or items, by their index in the import.
        now_us: the time of day in Unix microseconds.
    """

    connection: Connection
    partition: str
    prepared: Prepared
    row: JSON
    entries: Mapping[int, Entry]
    now_us: int

    def adopt(self, adopted: Iterable[JSON]) -> None:
        """Store keys, digests and times that an older version of Backscroll did not store.

        Args:
            adopted: for each message or item, its `id`, and the `import_key`, `import_digest` and
                `created_at` to store.
        """
        for each in adopted:
            self._set(each["id"], {name: value for name, value in each.items() if name != "id"})
        self._set_owner(self._recorded)

    def set_metadata(self, metadata: Mapping[str, str]) -> None:
        """Replace the metadata, and the title in the search index."""
        self._set_owner({"metadata": metadata, **self._recorded})
        before = self.row["metadata"]
        index.retitle(self.connection, self.partition, self._owner, before, metadata)

    def apply(self, known: Sequence[Known], difference: Difference) -> None:
        """Change messages or items, and update the row of their thread or conversation.

        Args:
            known: the messages or items before the update.
            difference: the changes to make to `known`.
        """
        changed = [*difference.removed, *(each for each, _ in difference.replaced)]
        were_messages = self._unindex([*changed, *difference.moved])
        for each in difference.removed:
            self._erase(each, difference)
        for each, at in difference.replaced:
            self._replace(each, at)
        places = self._places(difference)
        self._move(places)
        self._add(places, {each.id for each in known})
        moved = {each.position for each in difference.moved}
        in_place = [
            (at, each.position) for each, at in difference.replaced if each.position not in moved
        ]
        self._index([*in_place, *((placed.at, position) for placed, position in places)])
        gained = sum(_is_message(self.prepared.members[at]) for at in difference.written)
        lost = sum(were_messages[each.position] for each in changed)
        next_position = self.row["next_position"] + len(places) - difference.has_new_start
        columns = self.prepared.collection.owners.c
        active, active_us = columns.last_active_us, self.prepared.active_us(self.now_us)
        values: JSON = {
            "next_position": next_position,
            "message_count": columns.message_count + gained - lost,
            "imported_until": self._until,
            "last_active_us": case((active < active_us, active_us), else_=active),
        }
        if self.prepared.collection is THREADS:
            values["last_message_at"] = newest_message_at
        self._set_owner(values)

    @property
    def _recorded(self) -> JSON:
        """The columns that record the imported metadata, and the latest time in all imports."""
        imported = self.prepared.row["imported_metadata"]
        if self.prepared.is_tail:  # the metadata of a tail may be incomplete
            imported = {**(self.row["imported_metadata"] or {}), **imported}
        return {"imported_metadata": imported, "imported_until": self._until}

    @property
    def _until(self) -> int:
        return max(self.prepared.newest_at, self.row["imported_until"] or 0)

    @property
    def _owner(self) -> int:
        return index.owner_of(self.prepared.collection.kind, self.row["position"])

    def _unindex(self, changed: Sequence[Known]) -> dict[int, bool]:
        """Remove messages or items from the search index.

        Returns:
            By the position of each message or item: true for a message, false for another item.
        """
        members = self.prepared.collection.members
        were_messages: dict[int, bool] = {}
        ids = list({each.id: each for each in changed})
        for at in range(0, len(ids), _CHUNK):
            these = members.c.id.in_(ids[at : at + _CHUNK])
            statement = select(members).where(self._owned, these)
            texts: dict[int, str] = {}
            for found in self.connection.execute(statement):
                row = found._asdict()
                texts[found.position] = self.prepared.collection.text(row)
                were_messages[found.position] = _is_message(row)
            index.remove_several(self.connection, self._owner, texts)
        return were_messages

    def _erase(self, removed: Known, difference: Difference) -> None:
        if difference.has_new_start and removed.position == 1:
            # A different message or item gets position 1, because the search index adds the title
            # to the text at position 1. Delete this row: if it were only marked as deleted,
            # two rows would have position 1.
            self.connection.execute(
                delete(self.prepared.collection.members).where(self._this(removed.id))
            )
            return
        now_s = self.now_us // US
        erased = {"import_key": None, "import_digest": REMOVED, "deleted_at": now_s}
        self._set(removed.id, {**self.prepared.collection.erased, **erased})

    def _replace(self, replaced: Known, at: int) -> None:
        member = self.prepared.members[at]
        values = {name: value for name, value in member.items() if name not in {"id", "text"}}
        if "metadata" in values:
            metadata = self.prepared.collection.members.c.metadata
            current = self.connection.scalar(select(metadata).where(self._this(replaced.id)))
            values["metadata"] = {**(current or {}), **values["metadata"]}
        self._set(replaced.id, values)

    def _places(self, difference: Difference) -> list[tuple[Placed, int]]:
        """Return the new positions of messages or items that are new or moved."""
        first: int = self.row["next_position"]
        positions = [1] if difference.has_new_start else []
        positions += range(first, first + len(difference.placed) - len(positions))
        return list(zip(difference.placed, positions, strict=True))

    def _move(self, places: Sequence[tuple[Placed, int]]) -> None:
        # The order is reversed so that the row at position 1 moves away before another row moves
        # there.
        for placed, position in reversed(places):
            if placed.known is not None:
                self._set(placed.known.id, {"position": position})

    def _add(self, places: Sequence[tuple[Placed, int]], taken: set[str]) -> None:
        collection = self.prepared.collection
        members = self.prepared.members
        added = [(members[each.at], at) for each, at in places if each.known is None]
        ids = collection.new_ids([row for row, _ in added])
        rows = []
        for (row, position), new_id in zip(added, ids, strict=True):
            own_id = row["id"] if row["id"] not in taken else None
            identity = {"id": own_id or new_id, "position": position}
            rows.append({collection.owner: self.row["position"], **row, **identity})
        if rows:
            collection.insert.execute_each(self.connection, rows)

    def _index(self, places: Iterable[tuple[int, int]]) -> None:
        collection, created_at = self.prepared.collection, self.row["created_at"]
        entries = (
            collection.entry(
                {**self.prepared.members[at], "position": position}, created_at
            )._replace(tokens=entry.tokens if (entry := self.entries.get(at)) else None)
            for at, position in places
        )
        index.add(self.connection, self.partition, self._owner, entries)

    def _set(self, member_id: str, values: Mapping[str, Any]) -> None:
        members = self.prepared.collection.members
        self.connection.execute(update(members).where(self._this(member_id)).values(values))

    def _set_owner(self, values: Mapping[str, Any]) -> None:
        owners = self.prepared.collection.owners
        this = owners.c.position == self.row["position"]
        self.connection.execute(update(owners).where(this).values(values))

    @property
    def _owned(self) -> ColumnElement[bool]:
        collection = self.prepared.collection
        owned: ColumnElement[bool] = collection.members.c[collection.owner] == self.row["position"]
        return owned

    def _this(self, member_id: str) -> ColumnElement[bool]:
        # Find the row by its id. On SQLite, a lookup by position would be slow: it cannot use the
        # index of positions, which contains only rows that are not deleted.
        return self._owned & (self.prepared.collection.members.c.id == member_id)


def _is_message(row: JSON) -> bool:
    return "body" not in row or is_message(row["body"])
