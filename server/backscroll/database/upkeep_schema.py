"""Tables of the work that a store does in the background, so that any process can go on with it."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, Table

from backscroll.database.column_types import tables

# The threads, conversations, completions and responses that are marked as deleted, but whose
# messages or items are not all erased yet. The `kind` is that of `search_pending`, and `position`
# is the object's. Of its rows in the search index, those up to `above` are removed.
erasing: Final = Table(
    "erasing",
    tables,
    Column("kind", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("above", BigInteger, nullable=False),
)

# This table has at most one row. `backscroll.store.upkeep.watched_clock` describes its use.
watched_clock: Final = Table(
    "watched_clock",
    tables,
    Column("elapsed_ms", BigInteger, nullable=False),
    Column("clock_s", BigInteger, nullable=False),
    Column("trusted_s", BigInteger, nullable=False),
    # The `elapsed_ms` when a process last began to look for what is older than it may be; null
    # before the first time.
    Column("swept_ms", BigInteger),
)

UPKEEP_TABLES: Final = (erasing, watched_clock)
"""All tables of this module."""
