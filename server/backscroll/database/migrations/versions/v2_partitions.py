"""Add partitions and a table of bearer tokens. Existing rows join the default partition."""

from typing import Final

from alembic import op
from sqlalchemy import JSON, BigInteger, Column, Text, text

revision: Final = "2"
down_revision: Final = "1"
TABLES: Final = "store"  # the table "tokens" was part of this set at that time

_Text: Final = Text().with_variant(Text(collation="C"), "postgresql")
_Json: Final = JSON(none_as_null=True)
# Version 1 did not name its constraints. PostgreSQL named them like this; on SQLite they have no
# names.
_NAMES: Final = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}
_INDEXES: Final = {
    "threads": {"living_threads": ["position"]},
    "conversations": {"living_conversations": ["position"]},
    "completions": {
        "living_completions": ["position"],
        "living_completions_of_model": ["model", "position"],
    },
}


def upgrade() -> None:
    """Migrate from version 1."""
    for table, indexes in _INDEXES.items():
        for index in indexes:
            op.drop_index(index, table)
        with op.batch_alter_table(table, naming_convention=_NAMES) as change:
            change.add_column(Column("partition", _Text, nullable=False, server_default=""))
            for column in ("id", "import_key"):
                change.drop_constraint(f"{table}_{column}_key", type_="unique")
                change.create_unique_constraint(
                    f"{table}_partition_{column}_key", ["partition", column]
                )
        for index, columns in indexes.items():
            undeleted = text("deleted_at IS NULL")
            op.create_index(
                index,
                table,
                ["partition", *columns],
                sqlite_where=undeleted,
                postgresql_where=undeleted,
            )
    op.create_table(
        "tokens",
        Column("id", _Text, primary_key=True),
        Column("digest", _Text, nullable=False, unique=True),
        Column("name", _Text, nullable=False),
        Column("scopes", _Json),
        Column("toolsets", _Json),
        Column("partition", _Text, nullable=False, server_default=""),
        Column("upstream_key_variable", _Text),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger),
        Column("revoked_at", BigInteger),
    )
