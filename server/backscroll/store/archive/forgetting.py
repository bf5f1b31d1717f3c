"""Forgets threads, conversations and stored completions for good."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, Table

from backscroll.database.port import Database
from backscroll.store.archive.records import Forgettable, Selection


def tombstone(table: Table, partition: str, key: str) -> str:
    """Return the hash that is kept of the import key of an object that was forgotten.

    Args:
        table: the object's table.
        partition: its partition.
        key: its import key.
    """
    return hashlib.sha256(f"{table.name}\0{partition}\0{key}".encode()).hexdigest()


def find(connection: Connection, partition: str, selection: Selection) -> list[Forgettable]:
    """Return what a selection selects, latest active first."""
    raise NotImplementedError


async def forget(
    database: Database, partition: str, forgotten: Sequence[Forgettable], now_s: int
) -> int:
    """Erase what `find` found, and return how many objects were erased."""
    raise NotImplementedError
