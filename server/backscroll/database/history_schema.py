"""The tables of imports and syncs: hashes of forgotten keys, and the progress in each file."""

from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

_metadata: Final = MetaData()
_Text: Final = Text().with_variant(Text(collation="C"), "postgresql")

# The hash of the import key of each thread, conversation and completion that was forgotten, so that
# no import restores it. The key itself is not kept.
forgotten: Final = Table(
    "forgotten",
    _metadata,
    Column("digest", _Text, primary_key=True),
    Column("forgotten_at", BigInteger, nullable=False),
)

# How far each source file was imported. `store.archive.records.Watermark` describes the columns.
watermarks: Final = Table(
    "watermarks",
    _metadata,
    Column("partition", _Text, primary_key=True),
    Column("path", _Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("inode", BigInteger),
    Column("state", _Text),
)

HISTORY_TABLES: Final = (forgotten, watermarks)
"""All tables of this module."""
