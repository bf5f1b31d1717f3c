"""Add the time of the last activity of threads and conversations, and indexes on it."""

import time
from typing import Final

from alembic import op
from sqlalchemy import BigInteger, Column

revision: Final = "4"
down_revision: Final = "3"
TABLES: Final = "store"

_TIMES: Final = {
    "threads": "COALESCE(last_message_at, created_at)",
    "conversations": "created_at",  # items have no time
}


def upgrade() -> None:
    """Migrate from version 3."""
    now = int(time.time())
    for table, at in _TIMES.items():
        # A server that still uses schema 3 inserts this default. The threads and conversations that
        # it creates are then listed as the least recently active ones.
        column = Column("last_active_us", BigInteger, nullable=False, server_default="0")
        op.add_column(table, column)
        op.execute(
            f"UPDATE {table} SET last_active_us = 1000000 * "  # noqa: S608 - only constants
            f"CASE WHEN {at} < 0 THEN 0 WHEN {at} < {now} THEN {at} ELSE {now} END"
        )
        op.create_index(
            f"{table}_by_activity",
            table,
            ["partition", "last_active_us", "position"],
        )
