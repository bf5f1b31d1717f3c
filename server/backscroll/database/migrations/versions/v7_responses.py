"""Add the tables of responses, and the table of assistants.

In `search_pending`, each `kind` from 3 up increases by 1, because responses now have the kind 3.
"""

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, Text, UniqueConstraint, text

revision: Final = "7"
down_revision: Final = "6"
TABLES: Final = "store"

_RowNumber: Final = BigInteger().with_variant(Integer(), "sqlite")
_Text: Final = Text().with_variant(Text(collation="C"), "postgresql")
_Json: Final = JSON(none_as_null=True)


def upgrade() -> None:
    """Migrate from version 6."""
    op.create_table(
        "responses",
        Column("position", _RowNumber, primary_key=True, autoincrement=True),
        Column("partition", _Text, nullable=False, server_default=""),
        Column("id", _Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("conversation_id", _Text),
        Column("previous_response_id", _Text),
        Column("message_count", BigInteger, nullable=False),
        Column("metadata", _Json),
        Column("fields", _Json),
        Column("import_key", _Text),
        Column("deleted_at", BigInteger),
        UniqueConstraint("partition", "id", name="responses_partition_id_key"),
        UniqueConstraint("partition", "import_key", name="responses_partition_import_key_key"),
    )
    op.create_table(
        "response_items",
        Column("response", BigInteger, primary_key=True, autoincrement=False),
        Column("position", BigInteger, primary_key=True, autoincrement=False),
        Column("id", _Text, nullable=False),
        Column("type", _Text, nullable=False),
        Column("is_output", Boolean, nullable=False),
        Column("body", _Json),
    )
    op.create_table(
        "assistants",
        Column("position", _RowNumber, primary_key=True, autoincrement=True),
        Column("partition", _Text, nullable=False, server_default=""),
        Column("id", _Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("metadata", _Json),
        Column("fields", _Json),
        Column("deleted_at", BigInteger),
        UniqueConstraint("partition", "id", name="assistants_partition_id_key"),
    )
    for name, columns in (
        ("living_responses", ["partition", "position"]),
        ("living_responses_of_conversation", ["partition", "conversation_id", "position"]),
    ):
        _index_undeleted(name, "responses", columns)
    op.create_index("response_items_by_id", "response_items", ["id", "response"])
    _index_undeleted("living_assistants", "assistants", ["partition", "position"])
    # This takes two steps, because SQLite checks after each row whether `kind` is still unique.
    op.execute("UPDATE search_pending SET kind = kind + 10 WHERE kind >= 3")
    op.execute("UPDATE search_pending SET kind = kind - 9 WHERE kind >= 13")


def _index_undeleted(name: str, table: str, columns: list[str]) -> None:
    undeleted = text("deleted_at IS NULL")
    op.create_index(name, table, columns, sqlite_where=undeleted, postgresql_where=undeleted)
