"""Add an empty search index. It is filled in the background."""

from typing import Final

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision: Final = "5"
down_revision: Final = "4"
TABLES: Final = "store"

_Text: Final = Text().with_variant(Text(collation="C"), "postgresql")
_ENGINE_TABLES: Final = {
    "sqlite": (
        ("CREATE TABLE search_rows (block INTEGER PRIMARY KEY, rows BLOB NOT NULL)"),
        (
            "CREATE VIRTUAL TABLE search_terms USING fts5(terms, content='', detail=none,"
            ' columnsize=0, tokenize="unicode61'
            " remove_diacritics 0 categories 'L* M* N* P* S* Co'\")"
        ),
        "INSERT INTO search_terms (search_terms, rank) VALUES ('automerge', 0)",
        "INSERT INTO search_terms (search_terms, rank) VALUES ('crisismerge', 64)",
    ),
    "postgresql": (
        (
            "CREATE TABLE search_rows (id BIGSERIAL PRIMARY KEY, owner BIGINT NOT NULL,"
            " created_at BIGINT NOT NULL, position INTEGER NOT NULL, scope INTEGER NOT NULL,"
            " length INTEGER NOT NULL, role SMALLINT NOT NULL, version SMALLINT NOT NULL,"
            " terms INTEGER[] NOT NULL)"
        ),
        (
            "CREATE INDEX search_rows_having ON search_rows USING gin (terms)"
            " WITH (gin_pending_list_limit = 512)"
        ),
    ),
}
_KINDS: Final = ("threads", "conversations", "completions")


def upgrade() -> None:
    """Migrate from version 4."""
    op.create_table(
        "search_scopes",
        Column("partition", _Text, primary_key=True),
        Column("scope", Integer, nullable=False),
    )
    op.create_table(
        "search_pending",
        Column("kind", Integer, primary_key=True, autoincrement=False),
        Column("below", BigInteger, nullable=False),
    )
    for statement in _ENGINE_TABLES[op.get_bind().dialect.name]:
        op.execute(statement)
    for kind, table in enumerate(_KINDS):
        op.execute(
            f"INSERT INTO search_pending (kind, below) SELECT {kind}, max(position) + 1 "  # noqa: S608 - only constants
            f"FROM {table} HAVING max(position) IS NOT NULL"
        )
