"""The SQLAlchemy metadata and column types of all tables, and a function that adds an index."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Index, Integer, MetaData, Table, Text

tables: Final = MetaData()
"""All tables, except `search_rows` and `search_terms`, which differ between the engines."""

# SQLite assigns row numbers only in a column that is declared INTEGER.
RowNumber: Final = BigInteger().with_variant(Integer(), "sqlite")
Json: Final = JSON(none_as_null=True)
# Text is compared byte by byte, as in SQLite. If it were compared by the rules of a locale, an
# update of the operating system could change these rules, and the indexes would become invalid.
PlainText: Final = Text().with_variant(Text(collation="C"), "postgresql")


def index_undeleted(name: str, table: Table, *columns: str, unique: bool = False) -> None:
    """Add an index of the rows of a table that are not deleted.

    On PostgreSQL, `open_postgres` sets the condition.
    """
    undeleted = table.c.deleted_at.is_(None)
    Index(
        name,
        *(table.c[column] for column in columns),
        unique=unique,
        sqlite_where=undeleted,
    )
