"""Deletes what has many messages: it is hidden at once, and erased in steps in the background.

To erase many messages in one transaction would block all other writers of a SQLite database, and
would exceed the time limit of a statement of PostgreSQL.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

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


def is_large(next_position: int) -> bool:
    """Whether a thread or conversation may have more than `AT_ONCE` messages or items."""
    return next_position - 1 > AT_ONCE
