"""The tables of the database, and their schema version.

Every change of the tables needs a new version, and a migration from the previous version.

`TABLE_SETS` groups the tables into sets. The tables of a set are created together, and a database
may have only some of the sets. The table `backscroll_schema` stores the schema version of a
database, which applies to all of its tables.

Each thread, conversation, completion, response and assistant belongs to a named partition. Ids are
unique only within a partition. Messages and items refer to their thread, conversation or response
by its `position`, which is unique in its table. The `scope` of an idempotency key is its partition.

Each list is ordered by `position`, which increases in commit order. A deleted row becomes a
tombstone: its content is erased and `deleted_at` is set. It keeps its id and position, so that a
page can still start after it. The partial indexes omit tombstones, so that tombstones do not slow
down lists.

By its `import_key`, a new import recognises a thread, conversation, completion, response, message
or item that was imported before. The `import_digest` of a message or item is a hash of what was
imported. It is null if the message or item was written through the API. `imported_metadata` has a
hash of each metadata value of the last import, so that the next import can detect changes made
through the API.

`imported_until` is the latest time in all imports so far, in Unix seconds. If the latest time in a
new import is before `imported_until`, the import has an older state of the source, so it changes
nothing. This does not apply to an import of only the last items of a conversation (`is_tail`).

Threads and conversations are also listed by `last_active_us`, the time of their last activity in
Unix microseconds (`backscroll.store.activity`).

The tables of responses are in `response_schema`, those of the search index in `search_schema`,
those of imports in `history_schema`, and those of work in the background in `upkeep_schema`.
"""

from collections.abc import Collection, Mapping
from typing import Final, Literal, TypeAlias

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint

from backscroll.database.column_types import (
    Json,
    PlainText,
    RowNumber,
    index_undeleted,
    tables,
)
from backscroll.database.history_schema import HISTORY_TABLES
from backscroll.database.response_schema import RESPONSE_TABLES
from backscroll.database.schema_version import VERSION_TABLE
from backscroll.database.search_schema import SEARCH_TABLES
from backscroll.database.upkeep_schema import UPKEEP_TABLES

version_table: Final = Table(
    VERSION_TABLE,
    tables,
    Column("version", Integer, nullable=False),
    Column("opened", BigInteger, nullable=False),
)

threads: Final = Table(
    "threads",
    tables,
    Column("position", RowNumber, primary_key=True, autoincrement=True),
    Column("partition", PlainText, nullable=False, server_default=""),
    Column("id", PlainText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", Json),
    Column("tool_resources", Json),
    Column("next_position", BigInteger, nullable=False),
    Column("message_count", BigInteger, nullable=False),
    Column("last_message_at", BigInteger),
    Column("import_key", PlainText),
    Column("deleted_at", BigInteger),
    Column("last_active_us", BigInteger, nullable=False, server_default="0"),
    Column("imported_metadata", Json),
    Column("imported_until", BigInteger),
    UniqueConstraint("partition", "id", name="threads_partition_id_key"),
    UniqueConstraint("partition", "import_key", name="threads_partition_import_key_key"),
)

messages: Final = Table(
    "messages",
    tables,
    Column("thread", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("id", PlainText, nullable=False),
    Column("import_key", PlainText),
    Column("import_digest", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("role", PlainText, nullable=False),
    Column("content", Json),
    Column("attachments", Json),
    Column("metadata", Json),
    Column("run_id", PlainText),
    Column("assistant_id", PlainText),
    Column("status", PlainText, nullable=False),
    Column("incomplete_at", BigInteger),
    Column("incomplete_details", Json),
    Column("deleted_at", BigInteger),
    # `thread` is the first column, so that a thread's messages are close together in the index.
    UniqueConstraint("thread", "id"),
)

conversations: Final = Table(
    "conversations",
    tables,
    Column("position", RowNumber, primary_key=True, autoincrement=True),
    Column("partition", PlainText, nullable=False, server_default=""),
    Column("id", PlainText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", Json),
    Column("next_position", BigInteger, nullable=False),
    Column("import_key", PlainText),
    Column("deleted_at", BigInteger),
    Column("last_active_us", BigInteger, nullable=False, server_default="0"),
    Column("imported_metadata", Json),
    Column("imported_until", BigInteger),
    # The number of items that are messages; null if they were not counted yet.
    Column("message_count", BigInteger),
    UniqueConstraint("partition", "id", name="conversations_partition_id_key"),
    UniqueConstraint("partition", "import_key", name="conversations_partition_import_key_key"),
)

items: Final = Table(
    "items",
    tables,
    Column("conversation", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("id", PlainText, nullable=False),
    # These columns precede the body, so that SQLite can read them without reading the body.
    Column("created_at", BigInteger),
    Column("import_key", PlainText),
    Column("import_digest", BigInteger),
    # SQLite may have stored it compressed (`compressed_json`).
    Column("body", Json),
    Column("deleted_at", BigInteger),
    UniqueConstraint("conversation", "id"),
)

completions: Final = Table(
    "completions",
    tables,
    Column("position", RowNumber, primary_key=True, autoincrement=True),
    Column("partition", PlainText, nullable=False, server_default=""),
    Column("id", PlainText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("model", PlainText, nullable=False),
    Column("metadata", Json),
    Column("choices", Json),
    Column("fields", Json),
    Column("input_count", BigInteger, nullable=False),
    Column("import_key", PlainText),
    Column("deleted_at", BigInteger),
    UniqueConstraint("partition", "id", name="completions_partition_id_key"),
    UniqueConstraint("partition", "import_key", name="completions_partition_import_key_key"),
)

completion_messages: Final = Table(
    "completion_messages",
    tables,
    Column("completion", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Json, nullable=False),
)

# A copy of the metadata of completions, with a row for each key, so that filters need no JSON
# operators.
completion_metadata: Final = Table(
    "completion_metadata",
    tables,
    Column("completion", BigInteger, primary_key=True, autoincrement=False),
    Column("name", PlainText, primary_key=True),
    Column("value", PlainText, nullable=False),
)

# `fields` has the body of the request that created the assistant, except its metadata.
assistants: Final = Table(
    "assistants",
    tables,
    Column("position", RowNumber, primary_key=True, autoincrement=True),
    Column("partition", PlainText, nullable=False, server_default=""),
    Column("id", PlainText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", Json),
    Column("fields", Json),
    Column("deleted_at", BigInteger),
    UniqueConstraint("partition", "id", name="assistants_partition_id_key"),
)

idempotency: Final = Table(
    "idempotency",
    tables,
    Column("scope", PlainText, primary_key=True),
    Column("key", PlainText, primary_key=True),
    Column("request_hash", PlainText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", PlainText),
    Column("collection_id", PlainText, nullable=False),
    Column("object_id", PlainText, nullable=False),
    # The `elapsed_ms` of `retention_clock` when the row was written. A server that still uses
    # schema 2 leaves it null, and such rows are never removed.
    Column("kept_since_ms", BigInteger),
)

# This table has one row. `backscroll.store.retention` describes its use.
retention_clock: Final = Table(
    "retention_clock",
    tables,
    Column("elapsed_ms", BigInteger, nullable=False),
    Column("token", PlainText, nullable=False),
)

# Bearer tokens for the HTTP transport. Only their hashes are stored.
tokens: Final = Table(
    "tokens",
    tables,
    Column("id", PlainText, primary_key=True),
    Column("digest", PlainText, nullable=False, unique=True),
    Column("name", PlainText, nullable=False),
    Column("scopes", Json),
    Column("toolsets", Json),
    Column("partition", PlainText, nullable=False, server_default=""),
    Column("upstream_key_variable", PlainText),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)

TableSet: TypeAlias = Literal["store", "tokens"]
"""The name of a set of tables: the embedded store's tables, or the table of bearer tokens."""

TABLE_SETS: Final[Mapping[TableSet, tuple[Table, ...]]] = {
    "store": (
        *(threads, messages, conversations, items),
        *(completions, completion_messages, completion_metadata),
        assistants,
        *RESPONSE_TABLES,
        *(idempotency, retention_clock),
        *HISTORY_TABLES,
        *SEARCH_TABLES,
        *UPKEEP_TABLES,
    ),
    "tokens": (tokens,),
}
"""The tables of each set. If a database has a schema version below 3, it always has the set
`store`. A newer database may have only the set `tokens`."""


def sets_in(names: Collection[str]) -> frozenset[TableSet]:
    """Return the sets to which tables with these names belong.

    A set is included even if only some of its tables exist. Such a set is damaged, and must not be
    created again.
    """
    return frozenset(
        needed
        for needed, members in TABLE_SETS.items()
        if any(table.name in names for table in members)
    )


index_undeleted("living_threads", threads, "partition", "position")
index_undeleted("living_messages", messages, "thread", "position", unique=True)
index_undeleted("living_conversations", conversations, "partition", "position")
for _listed in (threads, conversations):
    # Deleted threads and conversations are indexed too, because a new activity in the partition
    # must get a later time than all earlier activities, including those of deleted objects.
    Index(
        f"{_listed.name}_by_activity",
        _listed.c.partition,
        _listed.c.last_active_us,
        _listed.c.position,
    )
index_undeleted("living_items", items, "conversation", "position", unique=True)
_imported: Final = items.c.import_key.is_not(None)
Index(
    "imported_items",
    items.c.conversation,
    items.c.import_key,
    sqlite_where=_imported,
)
index_undeleted("living_completions", completions, "partition", "position")
index_undeleted("living_completions_of_model", completions, "partition", "model", "position")
index_undeleted("living_assistants", assistants, "partition", "position")
_undeleted_of_run = messages.c.run_id.is_not(None) & messages.c.deleted_at.is_(None)
Index(
    "living_messages_of_run",
    messages.c.thread,
    messages.c.run_id,
    messages.c.position,
    sqlite_where=_undeleted_of_run,
)
Index("metadata_pairs", completion_metadata.c.name, completion_metadata.c.value)
Index("idempotency_by_age", idempotency.c.kept_since_ms)
Index("idempotency_by_object", idempotency.c.collection_id, idempotency.c.object_id)
