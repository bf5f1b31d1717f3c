"""Writes imported threads and conversations, or updates those that exist.

`look` compares the stored messages with the imported ones. It runs before the write transaction, so
that search tokens are computed only for new content. `write` looks again in the transaction,
because another process may have written in the meantime.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from msgspec import Struct, field
from sqlalchemy import Connection, Select, Table, bindparam, insert, select
from sqlalchemy.sql.dml import ReturningInsert

from backscroll.database.locks import lock_list
from backscroll.store.archive.adoption import adopt
from backscroll.store.archive.difference import Difference, Known, compare
from backscroll.store.archive.merging import merged
from backscroll.store.archive.new_rows import member_rows, owner_row, searched
from backscroll.store.archive.prepared import Collection, Prepared
from backscroll.store.archive.records import ImportKind, ImportOutcome
from backscroll.store.archive.tombstones import is_forgotten
from backscroll.store.archive.update import Update
from backscroll.store.envelopes import JSON
from backscroll.store.search import index
from backscroll.store.search.texts import Entry

CHUNK: Final = 1_000
"""The maximum number of rows in one statement."""


_NONE: Final = Difference()


class Change(Struct, frozen=True):
    """The changes that an import has to write.

    Attributes:
        outcome: the outcome of the import after the changes are written.
        owner: the row of the thread or conversation in the store; None if it is new.
        known: the stored messages or items that were compared.
        difference: how `known` differs from the messages or items of the import.
        metadata: the new metadata; None if it does not change.
        adopted: the keys and digests to add to messages or items that an older version of
            Backscroll imported without keys and digests; None if there are no such messages or
            items.
        entries: the search entries of messages or items that have a text, by index in
            `Prepared.members`. Missing ones are computed when they are written.
    """

    outcome: ImportOutcome
    owner: JSON | None = None
    known: tuple[Known, ...] = ()
    difference: Difference = _NONE
    metadata: Mapping[str, str] | None = None
    adopted: Sequence[JSON] | None = None
    entries: Mapping[int, Entry] = field(default_factory=dict)

    @property
    def is_written(self) -> bool:
        """Whether anything has to be written."""
        return self.outcome.kind in {"imported", "updated"} or self.adopted is not None


def look(
    connection: Connection,
    partition: str,
    prepared: Prepared,
    seen: Change | None = None,
    *,
    is_absent: bool = False,
) -> Change:
    """Return the changes that an import has to write.

    Args:
        connection: a connection; in a write transaction if `seen` is given.
        partition: the partition.
        prepared: the thread or conversation to import.
        seen: what `look` returned before the write transaction. If it is given, the stored thread
            or conversation is locked. If there is none, the list to which the new one will be added
            is locked.
        is_absent: whether the thread or conversation is known to be neither stored nor forgotten.
    """
    if is_absent:
        return _new(prepared)
    collection, row = prepared.collection, prepared.row
    lock = seen is not None
    owner = _find(connection, partition, prepared, lock=lock)
    if owner is None and lock:
        lock_list(connection, collection.owners, partition)
        owner = _find(connection, partition, prepared, lock=lock)
    if owner is None:
        if is_forgotten(connection, collection.owners, partition, row["import_key"]):
            return Change(ImportOutcome(kind="forgotten"))
        if seen is not None and seen.outcome.kind == "imported":
            return seen  # it is still new
        return _new(prepared)
    if owner["deleted_at"] is not None:
        return Change(ImportOutcome(kind="forgotten"))
    if not prepared.is_tail and prepared.newest_at < (owner["imported_until"] or 0):
        return Change(ImportOutcome(kind="present", id=owner["id"]), owner)
    known = _known(connection, owner["position"], prepared)
    adopted: Sequence[JSON] | None = None
    if owner["import_key"] is not None and owner["imported_until"] is None:
        known, adopted = adopt(connection, collection, owner["position"], known, prepared.members)
    difference = compare(known, prepared.given, is_tail=prepared.is_tail)
    if _is_older(owner, prepared, difference):
        return Change(ImportOutcome(kind="present", id=owner["id"]), owner)
    metadata = _metadata(owner, prepared)
    kind: ImportKind = "updated" if difference or metadata is not None else "present"
    outcome = _outcome(kind, owner["id"], prepared, difference)
    return Change(outcome, owner, tuple(known), difference, metadata, adopted)


def _new(prepared: Prepared) -> Change:
    difference = compare((), prepared.given, is_tail=prepared.is_tail)
    outcome = _outcome("imported", prepared.row["id"], prepared, difference)
    return Change(outcome, None, (), difference)


def write(
    connection: Connection,
    partition: str,
    prepared: Prepared,
    now_us: int,
    seen: Change,
) -> ImportOutcome:
    """Write a thread or conversation, or update it if it exists.

    Args:
        connection: a connection in a write transaction.
        partition: the partition to write to.
        prepared: the thread or conversation to import.
        now_us: the time of day in Unix microseconds. If the import's last activity is later, this
            time is stored instead.
        seen: what `look` returned before the transaction, with search entries.
    """
    change = look(connection, partition, prepared, seen)
    if change.outcome.kind == "imported":
        _insert(connection, partition, prepared, now_us, seen.entries)
    elif change.owner is not None and change.is_written:
        update = Update(connection, partition, prepared, change.owner, seen.entries, now_us)
        if change.adopted is not None:
            update.adopt(change.adopted)
        if change.metadata is not None:
            update.set_metadata(change.metadata)
        if change.difference:
            update.apply(change.known, change.difference)
    return change.outcome


def _insert(
    connection: Connection,
    partition: str,
    prepared: Prepared,
    now_us: int,
    entries: Mapping[int, Entry],
) -> None:
    collection = prepared.collection
    owner = owner_row(prepared, partition, now_us)
    position = connection.execute(insertion(collection.owners), owner).scalar_one()
    if rows := member_rows(prepared, position):
        collection.insert.execute_each(connection, rows)
    found = searched(connection, prepared, entries)
    index.add(connection, partition, index.owner_of(collection.kind, position), found)


def _outcome(
    kind: ImportKind, owner_id: str, prepared: Prepared, difference: Difference
) -> ImportOutcome:
    given, written = prepared.given, difference.written
    return ImportOutcome(
        kind=kind,
        id=owner_id,
        added=len(written) - len(difference.replaced),
        replaced=len(difference.replaced),
        removed=len(difference.removed),
        repaired=prepared.repaired,
        written=frozenset(given[at].key or given[at].id for at in written),
    )


def _is_older(owner: JSON, prepared: Prepared, difference: Difference) -> bool:
    """Return whether an import is older than the store, if both have the same latest time.

    The import is older if it lacks stored messages or items, and adds or changes none. It is also
    older if a stored message or item that it lacks is newer than all messages or items in the
    import. An import without any messages or items is not older, because its source was emptied.
    """
    is_tie = prepared.newest_at == owner["imported_until"]
    if prepared.is_tail or not is_tie or not difference.removed or not prepared.members:
        return False
    if not difference.added and not difference.replaced:
        return True
    newest = max(each.created_at or 0 for each in difference.removed)
    return newest > max(row["created_at"] or 0 for row in prepared.members)


def _metadata(owner: JSON, prepared: Prepared) -> Mapping[str, str] | None:
    """Return the new metadata of the stored thread or conversation; None if it does not change."""
    if owner["import_key"] is None:  # it was created through the API
        return None
    current, base = owner["metadata"] or {}, owner["imported_metadata"]
    given = prepared.row["metadata"]
    found = merged(current, base, {**current, **given} if prepared.is_tail else given)
    return None if found == current else found


def _known(connection: Connection, owner: int, prepared: Prepared) -> list[Known]:
    """Return the stored messages or items of a thread or conversation.

    If the import has only the last messages or items, return only those whose keys it contains.
    """
    collection = prepared.collection
    if not prepared.is_tail:
        return _rows(connection, _members(collection), {"of": owner})
    keys = [row["import_key"] for row in prepared.members]
    found: list[Known] = []
    for at in range(0, len(keys), CHUNK):
        bound = {"of": owner, "keys": keys[at : at + CHUNK]}
        found += _rows(connection, _with_keys(collection), bound)
    return found


def _rows(connection: Connection, statement: Select[Any], bound: JSON) -> list[Known]:
    return [Known(*row) for row in connection.execute(statement, bound)]


@cache
def _members(collection: Collection) -> Select[Any]:
    columns = collection.members.c
    return (
        select(
            columns.position,
            columns.id,
            columns.import_key,
            columns.import_digest,
            columns.deleted_at.is_not(None),
            columns.created_at,
        )
        .where(columns[collection.owner] == bindparam("of"))
        .order_by(columns.position)
    )


@cache
def _with_keys(collection: Collection) -> Select[Any]:
    keys = collection.members.c.import_key.in_(bindparam("keys", expanding=True))
    return _members(collection).where(keys)


def _find(connection: Connection, partition: str, prepared: Prepared, *, lock: bool) -> JSON | None:
    """Return the stored row that has the key or the id of the import; None if no row has it."""
    row = prepared.row
    bound = {"within": partition, "key": row["import_key"], "id": row["id"]}
    statement = same_key_or_id(prepared.collection.owners)
    found = connection.execute(statement.with_for_update() if lock else statement, bound).all()
    # If the key belongs to one row and the id to another, the row with the key is used.
    for each in sorted(found, key=lambda each: each.import_key != row["import_key"])[:1]:
        return each._asdict()
    return None


@cache
def same_key_or_id(table: Table) -> Select[Any]:
    """Return a query for the rows with a given import key or id, including deleted rows."""
    same = (table.c.import_key == bindparam("key")) | (table.c.id == bindparam("id"))
    return select(table).where(table.c.partition == bindparam("within"), same)


@cache
def insertion(table: Table) -> ReturningInsert[Any]:
    """Return a statement that inserts a row and returns its position."""
    return insert(table).returning(table.c.position)


def insert_all(connection: Connection, table: Table, rows: list[JSON]) -> None:
    """Insert rows, in statements with a limited number of parameters."""
    for at in range(0, len(rows), CHUNK):
        connection.execute(insert(table), rows[at : at + CHUNK])
