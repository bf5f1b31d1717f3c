"""Writes many new threads and conversations at once, which takes fewer statements than one by one.

An import of an archive has mostly new conversations. Looking for each of them, and inserting each
with its messages, would take a dozen statements, and on PostgreSQL as many round trips.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, insert, or_, select

from backscroll.database.bulk import insert_many
from backscroll.database.locks import lock_list
from backscroll.store.archive.load import Change
from backscroll.store.archive.new_rows import member_rows, owner_row, searched
from backscroll.store.archive.prepared import CONVERSATIONS, THREADS, Collection, Prepared
from backscroll.store.archive.tombstones import forgotten_keys
from backscroll.store.envelopes import JSON
from backscroll.store.search import index
from backscroll.store.search.rows import is_postgres
from backscroll.store.search.texts import Entry

_COLLECTIONS: Final = (THREADS, CONVERSATIONS)
_THERE: Final = {
    collection.kind: select(collection.owners.c.import_key, collection.owners.c.id).where(
        collection.owners.c.partition == bindparam("within"),
        or_(
            collection.owners.c.import_key.in_(bindparam("keys", expanding=True)),
            collection.owners.c.id.in_(bindparam("ids", expanding=True)),
        ),
    )
    for collection in _COLLECTIONS
}
_INSERT: Final = {
    collection.kind: insert(collection.owners).returning(
        collection.owners.c.position, sort_by_parameter_order=True
    )
    for collection in _COLLECTIONS
}


def absent(connection: Connection, partition: str, prepared: Sequence[Prepared]) -> frozenset[int]:
    """Return the indexes of threads and conversations that are neither stored nor forgotten.

    If several have the same key or id, none of them is returned.
    """
    found: set[int] = set()
    for collection in _COLLECTIONS:
        mine = [at for at, each in enumerate(prepared) if each.collection is collection]
        if mine:
            found |= _absent(connection, partition, collection, prepared, mine)
    return frozenset(found)


def insert_new(
    connection: Connection,
    partition: str,
    given: Sequence[tuple[Prepared, Change]],
    now_us: int,
) -> frozenset[int]:
    """Insert the threads and conversations that are still new.

    Args:
        connection: a connection in a write transaction.
        partition: the partition to write to.
        given: the threads and conversations, each with what `load.look` returned before the
            transaction.
        now_us: as in `load.write`.

    Returns:
        The indexes of those that were inserted.
    """
    inserted: set[int] = set()
    for collection in _COLLECTIONS:
        new = [
            at
            for at, (prepared, seen) in enumerate(given)
            if prepared.collection is collection and seen.outcome.kind == "imported"
        ]
        if len(new) < 2:  # noqa: PLR2004 - one alone is not faster
            continue
        lock_list(connection, collection.owners, partition)
        still = _absent(connection, partition, collection, [each for each, _ in given], new)
        if still:
            _insert(connection, partition, collection, [given[at] for at in sorted(still)], now_us)
            inserted |= still
    return frozenset(inserted)


def _absent(
    connection: Connection,
    partition: str,
    collection: Collection,
    prepared: Sequence[Prepared],
    mine: Sequence[int],
) -> set[int]:
    keys = [prepared[at].row["import_key"] for at in mine]
    ids = [prepared[at].row["id"] for at in mine]
    if len({*keys}) < len(keys) or len({*ids}) < len(ids):
        return set()
    bound = {"within": partition, "keys": keys, "ids": ids}
    there = connection.execute(_THERE[collection.kind], bound).all()
    stored = {each.import_key for each in there}, {each.id for each in there}
    forgotten = forgotten_keys(connection, collection.owners, partition, keys)
    return {
        at
        for at, key, own_id in zip(mine, keys, ids, strict=True)
        if key not in stored[0] and own_id not in stored[1] and key not in forgotten
    }


def _insert_owners(
    connection: Connection, collection: Collection, owners: Sequence[JSON]
) -> Sequence[int]:
    """Insert the rows of threads or conversations, and return their positions."""
    if is_postgres(connection):
        return connection.scalars(_INSERT[collection.kind], owners).all()
    # SQLite's dialect would take a statement for each of them. No other transaction can insert
    # rows meanwhile, so the new positions follow one another.
    connection.execute(insert(collection.owners), owners)
    last: int = connection.exec_driver_sql("SELECT last_insert_rowid()").scalar_one()
    return range(last + 1 - len(owners), last + 1)


def _insert(
    connection: Connection,
    partition: str,
    collection: Collection,
    given: Sequence[tuple[Prepared, Change]],
    now_us: int,
) -> None:
    owners = [owner_row(prepared, partition, now_us) for prepared, _ in given]
    positions = _insert_owners(connection, collection, owners)
    rows = (
        row
        for position, (prepared, _) in zip(positions, given, strict=True)
        for row in member_rows(prepared, position)
    )
    renamed = {"text": collection.json}
    insert_many(connection, collection.insert, collection.members.name, rows, renamed)

    def entries() -> Iterator[tuple[int, Mapping[str, str] | None, Iterable[Entry]]]:
        for position, (prepared, seen) in zip(positions, given, strict=True):
            owner = index.owner_of(collection.kind, position)
            found = searched(connection, prepared, seen.entries)
            yield owner, prepared.row["metadata"], found

    index.add_new(connection, partition, entries())
