"""Brings a thread or conversation up to date, in the transaction of an import."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, case, delete, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from backscroll.database.schema import messages, threads
from backscroll.store.activity import US
from backscroll.store.archive.difference import REMOVED, Difference, Known, Placed
from backscroll.store.archive.prepared import CONVERSATIONS, Prepared
from backscroll.store.envelopes import JSON
from backscroll.store.search import index

if TYPE_CHECKING:
    from backscroll_tools.search.tokenizer import Tokens


@dataclass(frozen=True, slots=True)
class Update:
    """Changes one thread or conversation.

    Attributes:
        connection: a connection in a write transaction.
        partition: the partition.
        prepared: what is imported.
        row: the row of the thread or conversation, which is locked.
        tokens: the tokens of imported messages or items, by their index.
        now_us: the time of day in Unix microseconds.
    """

    connection: Connection
    partition: str
    prepared: Prepared
    row: JSON
    tokens: "Mapping[int, Tokens]"
    now_us: int

    def adopt(self, adopted: Iterable[JSON]) -> None:
        """Give messages or items of an older version their keys and digests."""
        for each in adopted:
            values = {name: value for name, value in each.items() if name != "position"}
            self._set(each["position"], values)

    def set_metadata(self, metadata: Mapping[str, str]) -> None:
        """Replace the metadata, and the title in the search index."""
        imported = self.prepared.row["imported_metadata"]
        if self.prepared.is_tail:  # it may not have all of the metadata
            imported = {**(self.row["imported_metadata"] or {}), **imported}
        values = {
            "metadata": metadata,
            "imported_metadata": imported,
            "imported_until": self._until,
        }
        self._set_owner(values)
        before = self.row["metadata"]
        index.retitle(self.connection, self.partition, self._owner, before, metadata)

    def apply(self, known: Sequence[Known], difference: Difference) -> None:
        """Change messages or items, and the columns of the owner that depend on them.

        Args:
            known: the messages or items before.
            difference: how they become those of the import.
        """
        lost = sum(self._remove(each, difference) for each in difference.removed)
        gained = 0
        for each, at in difference.replaced:
            lost += self._replace(each, at)
            gained += self._is_message(at)
        next_position = self._place(known, difference)
        gained += sum(map(self._is_message, difference.added))
        columns = self.prepared.collection.owners.c
        active, active_us = columns.last_active_us, self.prepared.active_us(self.now_us)
        values: JSON = {
            "next_position": next_position,
            "imported_until": self._until,
            "last_active_us": case((active < active_us, active_us), else_=active),
        }
        if self.prepared.collection is CONVERSATIONS:
            values["message_count"] = columns.message_count + gained - lost
        else:
            values |= {"message_count": _count, "last_message_at": _newest}
        self._set_owner(values)

    @property
    def _until(self) -> int:
        return max(self.prepared.newest_at, self.row["imported_until"] or 0)

    @property
    def _owner(self) -> int:
        return index.owner_of(self.prepared.collection.kind, self.row["position"])

    def _remove(self, removed: Known, difference: Difference) -> bool:
        """Erase a message or item, and return whether it was a message."""
        row = self._unindexed(removed.position)
        if difference.has_new_start and removed.position == 1:
            # The title is indexed with the message at position 1, which must be free for another.
            self.connection.execute(
                delete(self.prepared.collection.members).where(self._this(removed.position))
            )
        else:
            now_s = self.now_us // US
            erased = {"import_key": None, "import_digest": REMOVED, "deleted_at": now_s}
            self._set(removed.position, {**self.prepared.collection.erased, **erased})
        return _is_message(row)

    def _replace(self, replaced: Known, at: int) -> bool:
        """Replace the content of a message or item, and return whether it was a message."""
        row = self._unindexed(replaced.position)
        member = self.prepared.members[at]
        values = {name: value for name, value in member.items() if name not in {"id", "text"}}
        if "metadata" in values:
            values["metadata"] = {**(row["metadata"] or {}), **values["metadata"]}
        self._set(replaced.position, values)
        self._index([(at, {**row, **values})])
        return _is_message(row)

    def _place(self, known: Sequence[Known], difference: Difference) -> int:
        """Move and add messages or items, and return the next position that is free."""
        first: int = self.row["next_position"]
        positions = range(first, first + len(difference.placed))
        places = list(zip(difference.placed, positions, strict=True))
        if difference.has_new_start:
            places = [(places[0][0], 1), *zip(difference.placed[1:], positions, strict=False)]
        # What is moved away from position 1 is moved before what is moved to it.
        for placed, position in reversed(places):
            if placed.known is not None:
                self._move(placed, placed.known, position)
        self._add([each for each in places if each[0].known is None], {each.id for each in known})
        return first + len(difference.placed) - difference.has_new_start

    def _move(self, placed: Placed, moved: Known, position: int) -> None:
        row = self._unindexed(moved.position)
        self._set(moved.position, {"position": position})
        self._index([(placed.at, {**row, "position": position})])

    def _add(self, added: Sequence[tuple[Placed, int]], taken: set[str]) -> None:
        collection = self.prepared.collection
        rows = []
        for placed, position in added:
            row = self.prepared.members[placed.at]
            own_id = row["id"] if row["id"] not in taken else None
            identity = {"id": own_id or collection.new_id(row), "position": position}
            rows.append({collection.owner: self.row["position"], **row, **identity})
        if rows:
            collection.insert.execute_each(self.connection, rows)
        self._index(zip((placed.at for placed, _ in added), rows, strict=True))

    def _index(self, rows: Iterable[tuple[int, JSON]]) -> None:
        collection, created_at = self.prepared.collection, self.row["created_at"]
        entries = (
            collection.entry(row, created_at)._replace(tokens=self.tokens.get(at))
            for at, row in rows
        )
        index.add(self.connection, self.partition, self._owner, entries)

    def _unindexed(self, position: int) -> JSON:
        """Remove a message or item from the search index, and return its row."""
        members = self.prepared.collection.members
        found = self.connection.execute(select(members).where(self._this(position)))
        row = found.one()._asdict()
        text = self.prepared.collection.entry(row, 0).text
        index.remove(self.connection, self.partition, self._owner, position, text)
        return row

    def _set(self, position: int, values: Mapping[str, Any]) -> None:
        members = self.prepared.collection.members
        self.connection.execute(update(members).where(self._this(position)).values(values))

    def _set_owner(self, values: Mapping[str, Any]) -> None:
        owners = self.prepared.collection.owners
        this = owners.c.position == self.row["position"]
        self.connection.execute(update(owners).where(this).values(values))

    def _this(self, position: int) -> ColumnElement[bool]:
        collection = self.prepared.collection
        columns = collection.members.c
        owned: ColumnElement[bool] = columns[collection.owner] == self.row["position"]
        return owned & (columns.position == position)

    def _is_message(self, at: int) -> bool:
        return _is_message(self.prepared.members[at])


def _is_message(row: JSON) -> bool:
    return "body" not in row or row["body"]["type"] == "message"


_living: Final = (messages.c.thread == threads.c.position) & messages.c.deleted_at.is_(None)
_count: Final = select(func.count()).where(_living).scalar_subquery()
_newest: Final = (
    select(messages.c.created_at)
    .where(_living)
    .order_by(messages.c.position.desc())
    .limit(1)
    .scalar_subquery()
)
