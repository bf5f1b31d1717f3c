"""Stores hashes of the import keys of erased objects, so that no import restores the objects."""

import hashlib
from collections.abc import Iterable

from sqlalchemy import Connection, Table, bindparam, delete, insert, select

from backscroll.database.history_schema import forgotten

_find = select(forgotten.c.digest).where(forgotten.c.digest == bindparam("digest"))

_find_any = select(forgotten.c.digest).where(
    forgotten.c.digest.in_(bindparam("digests", expanding=True))
)


def is_forgotten(connection: Connection, table: Table, partition: str, key: str) -> bool:
    """Whether the object with an import key was forgotten.

    Args:
        connection: a connection.
        table: the object's table.
        partition: its partition.
        key: its import key.
    """
    return connection.execute(_find, {"digest": _digest(table, partition, key)}).first() is not None


def forgotten_keys(
    connection: Connection, table: Table, partition: str, keys: Iterable[str]
) -> set[str]:
    """Return those of the import keys whose objects were forgotten."""
    by_digest = {_digest(table, partition, key): key for key in keys}
    found = connection.scalars(_find_any, {"digests": list(by_digest)})
    return {by_digest[digest] for digest in found}


def mark_forgotten(
    connection: Connection, table: Table, partition: str, key: str, now_s: int
) -> None:
    """Store the hash of the import key of an erased object, so that no import restores it."""
    digest = _digest(table, partition, key)
    connection.execute(delete(forgotten).where(forgotten.c.digest == digest))
    connection.execute(insert(forgotten).values(digest=digest, forgotten_at=now_s))


def _digest(table: Table, partition: str, key: str) -> str:
    return hashlib.sha256(f"{table.name}\0{partition}\0{key}".encode()).hexdigest()
