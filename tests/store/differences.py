"""How the tables of a database differ from those of the schema."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from backscroll.database.column_types import tables

OTHERS = ("search_terms", "search_rows", "search_blocks", "search_pages", "search_removed")


def is_ours(name: str) -> bool:
    """Whether a table is described in the schema, unlike those that differ between the engines."""
    return not name.startswith(OTHERS)


def differences(connection: Connection) -> list[object]:
    def included(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or is_ours(name or "")

    context = MigrationContext.configure(connection, opts={"include_name": included})
    return list(compare_metadata(context, tables))
