"""Add the tables of upkeep: what is still to be erased, and how far the clock is trusted."""

from typing import Final

from alembic import op
from sqlalchemy import BigInteger, Column, Integer

revision: Final = "10"
down_revision: Final = "9"
TABLES: Final = "store"


def upgrade() -> None:
    """Migrate from version 9."""
    op.create_table(
        "erasing",
        Column("kind", Integer, primary_key=True, autoincrement=False),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("above", BigInteger, nullable=False),
    )
    op.create_table(
        "watched_clock",
        Column("elapsed_ms", BigInteger, nullable=False),
        Column("clock_s", BigInteger, nullable=False),
        Column("trusted_s", BigInteger, nullable=False),
        Column("swept_ms", BigInteger),
    )
