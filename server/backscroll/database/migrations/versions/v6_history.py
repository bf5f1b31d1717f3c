"""Add columns and tables so that imports can update conversations and skip erased ones.

In addition, add a key that encrypts the cursors of searches, and a table of the vectors of
messages.

No table is rewritten: on both engines, adding a column that may be null takes constant time. In
existing conversations, `message_count` is filled later, in the background.
"""

import secrets
from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Integer, LargeBinary, Text, text

revision: Final = "6"
down_revision: Final = "5"
TABLES: Final = "store"

_Text: Final = Text().with_variant(Text(collation="C"), "postgresql")
_Json: Final = JSON(none_as_null=True)


def upgrade() -> None:
    """Migrate from version 5."""
    for table in ("threads", "conversations"):
        op.add_column(table, Column("imported_metadata", _Json))
        op.add_column(table, Column("imported_until", BigInteger))
    op.add_column("conversations", Column("message_count", BigInteger))
    op.add_column("items", Column("created_at", BigInteger))
    for table in ("messages", "items"):
        op.add_column(table, Column("import_key", _Text))
        op.add_column(table, Column("import_digest", BigInteger))
    imported = text("import_key IS NOT NULL")
    op.create_index(
        "imported_items",
        "items",
        ["conversation", "import_key"],
        sqlite_where=imported,
        postgresql_where=imported,
    )
    op.create_table(
        "forgotten",
        Column("digest", _Text, primary_key=True),
        Column("forgotten_at", BigInteger, nullable=False),
    )
    op.create_table(
        "watermarks",
        Column("partition", _Text, primary_key=True),
        Column("path", _Text, primary_key=True),
        Column("size", BigInteger, nullable=False),
        Column("mtime_ns", BigInteger, nullable=False),
        Column("inode", BigInteger),
        Column("state", _Text),
    )
    seal = op.create_table("search_seal", Column("key", _Text, nullable=False))
    op.bulk_insert(seal, [{"key": secrets.token_hex(32)}])
    op.create_table(
        "search_vectors",
        Column("row", BigInteger, primary_key=True, autoincrement=False),
        Column("scope", Integer, nullable=False),
        Column("model", Integer, nullable=False),
        Column("signs", LargeBinary),
        Column("vector", LargeBinary),
    )
    op.create_index("search_vectors_signs", "search_vectors", ["scope", "model", "row", "signs"])
    outdated = text("vector IS NULL")
    op.create_index(
        "search_vectors_outdated",
        "search_vectors",
        ["row"],
        sqlite_where=outdated,
        postgresql_where=outdated,
    )
