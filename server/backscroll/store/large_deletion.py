"""Deletes threads and conversations that have many messages or items.

A transaction marks the thread or conversation as deleted, so that no request finds it any more.
Afterwards, its messages or items are erased in the background, in many small transactions. One
transaction for all of them would block all other writers of a SQLite database, and would exceed the
time limit of a statement of PostgreSQL.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from backscroll.database.faults import CommitUnknownError
from backscroll.database.port import Database, Work

AT_ONCE: Final = 2_000
"""The maximum number of messages or items that the transaction of a deletion erases. This takes
about 0.1 s."""


class LargeDeletion(Struct, frozen=True):
    """How threads or conversations with more than `AT_ONCE` messages or items are deleted.

    Attributes:
        begin: marks one as deleted, and records that it is to be erased. It is called in the
            transaction, with the partition, the id and the time in Unix seconds.
        wake: starts to erase in the background what is recorded. It is called after the commit.
    """

    begin: Callable[[Connection, str, str, int], object]
    wake: Callable[[], None]

    async def write(self, database: Database, work: Work[bool], turn: str) -> None:
        """Run a deletion in a transaction, and then erase in the background what it left.

        Args:
            database: the database.
            work: deletes, and returns whether it called `begin`.
            turn: as in `Database.write`.
        """
        try:
            has_begun = await database.write(work, turn)
        except (CommitUnknownError, asyncio.CancelledError):
            self.wake()  # the deletion may be committed all the same
            raise
        if has_begun:
            self.wake()


def is_large(next_position: int) -> bool:
    """Whether a thread or conversation may have more than `AT_ONCE` messages or items."""
    return next_position - 1 > AT_ONCE
