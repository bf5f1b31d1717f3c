"""The tables, and the version that decides which Backscroll may open them.

Every change here needs a new version, and a step in `migrations` from the previous one.

A database need not have all tables: `TABLE_SETS` lists those that are created together. All tables
of a database have the same version, in `backscroll_schema`, which every database has.

Every thread, conversation and completion belongs to a partition, which has a text name, and is
found only within it: two partitions may have the same id. Its messages and items refer to it by
`position`, which is unique in the table. An idempotency key's partition is its `scope`.

Every list has a `position` that grows in the order of commit, and only it decides which rows are on
a page. A deleted row keeps its id and position (a tombstone: `deleted_at` set, content erased), so
that a cursor on it stays valid. The partial indexes contain only living rows, so that tombstones
do not slow pages down.
"""

from collections.abc import Collection, Mapping
from typing import Final, Literal, TypeAlias

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_VERSION: Final = 3

tables: Final = MetaData()
# SQLite assigns row numbers only in a column that is declared INTEGER.
_RowNumber: Final = BigInteger().with_variant(Integer(), "sqlite")
_Json: Final = JSON(none_as_null=True)
# Compared byte by byte, as in SQLite, whatever the database's locale. An index in a locale's order
# would break when an update of the operating system changes that order.
_Text: Final = Text().with_variant(Text(collation="C"), "postgresql")

version_table: Final = Table(
    "backscroll_schema",
    tables,
    Column("version", Integer, nullable=False),
    Column("opened", BigInteger, nullable=False),
)

threads: Final = Table(
    "threads",
    tables,
    Column("position", _RowNumber, primary_key=True, autoincrement=True),
    Column("partition", _Text, nullable=False, server_default=""),
    Column("id", _Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", _Json),
    Column("tool_resources", _Json),
    Column("next_position", BigInteger, nullable=False),
    Column("message_count", BigInteger, nullable=False),
    Column("last_message_at", BigInteger),
    Column("import_key", _Text),
    Column("deleted_at", BigInteger),
    UniqueConstraint("partition", "id", name="threads_partition_id_key"),
    UniqueConstraint("partition", "import_key", name="threads_partition_import_key_key"),
)

messages: Final = Table(
    "messages",
    tables,
    Column("thread", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("id", _Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("role", _Text, nullable=False),
    Column("content", _Json),
    Column("attachments", _Json),
    Column("metadata", _Json),
    Column("run_id", _Text),
    Column("assistant_id", _Text),
    Column("status", _Text, nullable=False),
    Column("incomplete_at", BigInteger),
    Column("incomplete_details", _Json),
    Column("deleted_at", BigInteger),
    # Looked up within their thread, so that the rows of a thread are close together on disk.
    UniqueConstraint("thread", "id"),
)

conversations: Final = Table(
    "conversations",
    tables,
    Column("position", _RowNumber, primary_key=True, autoincrement=True),
    Column("partition", _Text, nullable=False, server_default=""),
    Column("id", _Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", _Json),
    Column("next_position", BigInteger, nullable=False),
    Column("import_key", _Text),
    Column("deleted_at", BigInteger),
    UniqueConstraint("partition", "id", name="conversations_partition_id_key"),
    UniqueConstraint("partition", "import_key", name="conversations_partition_import_key_key"),
)

items: Final = Table(
    "items",
    tables,
    Column("conversation", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("id", _Text, nullable=False),
    Column("body", _Json),
    Column("deleted_at", BigInteger),
    UniqueConstraint("conversation", "id"),
)

completions: Final = Table(
    "completions",
    tables,
    Column("position", _RowNumber, primary_key=True, autoincrement=True),
    Column("partition", _Text, nullable=False, server_default=""),
    Column("id", _Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("model", _Text, nullable=False),
    Column("metadata", _Json),
    Column("choices", _Json),
    Column("fields", _Json),
    Column("input_count", BigInteger, nullable=False),
    Column("import_key", _Text),
    Column("deleted_at", BigInteger),
    UniqueConstraint("partition", "id", name="completions_partition_id_key"),
    UniqueConstraint("partition", "import_key", name="completions_partition_import_key_key"),
)

completion_messages: Final = Table(
    "completion_messages",
    tables,
    Column("completion", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("body", _Json, nullable=False),
)

# A copy of the metadata, one row per pair, so that filters need no JSON operators.
completion_metadata: Final = Table(
    "completion_metadata",
    tables,
    Column("completion", BigInteger, primary_key=True, autoincrement=False),
    Column("name", _Text, primary_key=True),
    Column("value", _Text, nullable=False),
)

idempotency: Final = Table(
    "idempotency",
    tables,
    Column("scope", _Text, primary_key=True),
    Column("key", _Text, primary_key=True),
    Column("request_hash", _Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", _Text),
    Column("collection_id", _Text, nullable=False),
    Column("object_id", _Text, nullable=False),
    # By `retention_clock`. A Backscroll of version 2 that still runs beside this one omits it, and
    # its rows are never removed.
    Column("kept_since_ms", BigInteger),
)

# One row; `retention` describes how it is used.
retention_clock: Final = Table(
    "retention_clock",
    tables,
    Column("elapsed_ms", BigInteger, nullable=False),
    Column("token", _Text, nullable=False),
)

# Bearer tokens that the HTTP transport accepts: only their hashes are stored.
tokens: Final = Table(
    "tokens",
    tables,
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

TableSet: TypeAlias = Literal["store", "tokens"]
"""The user of a set of tables: the embedded store, or the transport that checks our tokens."""

TABLE_SETS: Final[Mapping[TableSet, tuple[Table, ...]]] = {
    "store": tuple(table for table in tables.sorted_tables if table not in {version_table, tokens}),
    "tokens": (tokens,),
}
"""The tables of each set. A database of a version below 3 has the store's tables."""


def sets_in(names: Collection[str]) -> frozenset[TableSet]:
    """Return the sets of a database that has tables of these names.

    A set counts even if one of its tables is missing: it is damaged, and must not be created again.
    """
    return frozenset(
        needed
        for needed, those in TABLE_SETS.items()
        if any(table.name in names for table in those)
    )


def _living(name: str, table: Table, *columns: str, unique: bool = False) -> None:
    alive = table.c.deleted_at.is_(None)
    Index(
        name,
        *(table.c[column] for column in columns),
        unique=unique,
        sqlite_where=alive,
    )


_living("living_threads", threads, "partition", "position")
_living("living_messages", messages, "thread", "position", unique=True)
_living("living_conversations", conversations, "partition", "position")
_living("living_items", items, "conversation", "position", unique=True)
_living("living_completions", completions, "partition", "position")
_living("living_completions_of_model", completions, "partition", "model", "position")
_in_a_run = messages.c.run_id.is_not(None) & messages.c.deleted_at.is_(None)
Index(
    "living_messages_of_run",
    messages.c.thread,
    messages.c.run_id,
    messages.c.position,
    sqlite_where=_in_a_run,
)
Index("metadata_pairs", completion_metadata.c.name, completion_metadata.c.value)
Index("idempotency_by_age", idempotency.c.kept_since_ms)
Index("idempotency_by_object", idempotency.c.collection_id, idempotency.c.object_id)
