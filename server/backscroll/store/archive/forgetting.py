"""Forgets threads, conversations and stored completions for good."""

from collections.abc import Sequence

from sqlalchemy import Connection

from backscroll.database.port import Database
from backscroll.store.archive.records import Forgettable, Selection


def find(connection: Connection, partition: str, selection: Selection) -> list[Forgettable]:
    """Return what a selection selects, latest active first."""
    raise NotImplementedError


async def forget(
    database: Database, partition: str, forgotten: Sequence[Forgettable], now_s: int
) -> int:
    """Erase what `find` found, and return how many objects were erased."""
    raise NotImplementedError
