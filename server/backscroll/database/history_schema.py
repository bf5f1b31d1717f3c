"""Tables that record what was erased for good or already imported, so that imports skip it."""

from typing import Final

from sqlalchemy import BigInteger, Column, Table

from backscroll.database.column_types import PlainText, tables

# A hash of the import key of each thread, conversation, completion and response that the command
# `forget` erased, so that no import restores it. The key itself is not stored.
forgotten: Final = Table(
    "forgotten",
    tables,
    Column("digest", PlainText, primary_key=True),
    Column("forgotten_at", BigInteger, nullable=False),
)

# How far each source file was imported. `store.archive.records.Watermark` describes the columns.
watermarks: Final = Table(
    "watermarks",
    tables,
    Column("partition", PlainText, primary_key=True),
    Column("path", PlainText, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", BigInteger),
    Column("state", PlainText),
)

HISTORY_TABLES: Final = (forgotten, watermarks)
"""All tables of this module."""
