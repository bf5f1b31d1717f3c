"""Add `retention_clock`, so that the age of idempotency keys does not depend on the time of day."""

from typing import Final

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision: Final = "3"
down_revision: Final = "2"
TABLES: Final = "store"

_Text: Final = Text().with_variant(Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Migrate from version 2."""
    op.create_table(
        "retention_clock",
        Column("elapsed_ms", BigInteger, nullable=False),
        Column("token", _Text, nullable=False),
    )
    op.execute("INSERT INTO retention_clock (elapsed_ms, token) VALUES (0, '')")
    op.add_column("idempotency", Column("kept_since_ms", BigInteger))
    op.execute("UPDATE idempotency SET kept_since_ms = 0")
    op.drop_index("idempotency_by_age", "idempotency")
    op.create_index("idempotency_by_age", "idempotency", ["kept_since_ms"])
