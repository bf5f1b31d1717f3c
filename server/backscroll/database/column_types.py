"""The SQLAlchemy metadata of all tables, and the types of their columns."""

from typing import Final

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Text

tables: Final = MetaData()
"""All tables, except `search_rows` and `search_terms`, which differ between the engines."""

# SQLite assigns row numbers only in a column that is declared INTEGER.
RowNumber: Final = BigInteger().with_variant(Integer(), "sqlite")
Json: Final = JSON(none_as_null=True)
# Text is compared byte by byte, as in SQLite. If it were compared by the rules of a locale, an
# update of the operating system could change these rules, and the indexes would become invalid.
PlainText: Final = Text().with_variant(Text(collation="C"), "postgresql")
