"""Add the tables of the packed search index on PostgreSQL. They are filled in the background."""

from typing import Final

from alembic import op

revision: Final = "9"
down_revision: Final = "8"
TABLES: Final = "store"

_STATEMENTS: Final = (
    "CREATE TABLE search_blocks (block BIGINT PRIMARY KEY, rows BYTEA NOT NULL)",
    (
        "CREATE TABLE search_pages (bucket INTEGER NOT NULL, last BIGINT NOT NULL,"
        " after BIGINT NOT NULL, page BYTEA NOT NULL, PRIMARY KEY (bucket, last))"
    ),
    "ALTER TABLE search_pages ALTER page SET STORAGE EXTERNAL",
    (
        "CREATE TABLE search_removed (bucket INTEGER NOT NULL, row BIGINT NOT NULL,"
        " hash INTEGER NOT NULL, PRIMARY KEY (bucket, row, hash))"
    ),
)


def upgrade() -> None:
    """Migrate from version 8."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in _STATEMENTS:
            op.execute(statement)
