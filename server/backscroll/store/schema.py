"""The tables, and the version that says which Backscroll may open them.

Every list has a ``position`` that grows in the order of commit; pages are cut by it and by nothing
else. A deleted row keeps its id and position (a tombstone, ``deleted_at`` set, content erased), so
that a cursor on it holds. The partial indexes hold living rows alone: tombstones cost a page
nothing.
"""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
    update,
)

from backscroll.store.errors import StoreError

SCHEMA_VERSION: Final = 1

_tables: Final = MetaData()
# SQLite counts rows by itself only in a column that is declared INTEGER.
_RowNumber: Final = BigInteger().with_variant(Integer(), "sqlite")
_Json: Final = JSON(none_as_null=True)

version_table: Final = Table(
    "backscroll_schema",
    _tables,
    Column("version", Integer, nullable=False),
    Column("opened", BigInteger, nullable=False),
)

threads: Final = Table(
    "threads",
    _tables,
    Column("position", _RowNumber, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", _Json),
    Column("tool_resources", _Json),
    Column("next_position", BigInteger, nullable=False),
    Column("message_count", BigInteger, nullable=False),
    Column("last_message_at", BigInteger),
    Column("import_key", Text, unique=True),
    Column("deleted_at", BigInteger),
)

messages: Final = Table(
    "messages",
    _tables,
    Column("thread", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", _Json),
    Column("attachments", _Json),
    Column("metadata", _Json),
    Column("run_id", Text),
    Column("assistant_id", Text),
    Column("status", Text, nullable=False),
    Column("incomplete_at", BigInteger),
    Column("incomplete_details", _Json),
    Column("deleted_at", BigInteger),
    # Looked up within their thread, so that what a thread writes lies together on disk.
    UniqueConstraint("thread", "id"),
)

conversations: Final = Table(
    "conversations",
    _tables,
    Column("position", _RowNumber, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("metadata", _Json),
    Column("next_position", BigInteger, nullable=False),
    Column("import_key", Text, unique=True),
    Column("deleted_at", BigInteger),
)

items: Final = Table(
    "items",
    _tables,
    Column("conversation", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("body", _Json),
    Column("deleted_at", BigInteger),
    UniqueConstraint("conversation", "id"),
)

completions: Final = Table(
    "completions",
    _tables,
    Column("position", _RowNumber, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("metadata", _Json),
    Column("choices", _Json),
    Column("fields", _Json),
    Column("input_count", BigInteger, nullable=False),
    Column("import_key", Text, unique=True),
    Column("deleted_at", BigInteger),
)

completion_messages: Final = Table(
    "completion_messages",
    _tables,
    Column("completion", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("body", _Json, nullable=False),
)

# Metadata once more, one row a pair: a filter on it then needs no JSON operators.
completion_metadata: Final = Table(
    "completion_metadata",
    _tables,
    Column("completion", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

idempotency: Final = Table(
    "idempotency",
    _tables,
    Column("scope", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", Text),
    Column("collection_id", Text, nullable=False),
    Column("object_id", Text, nullable=False),
)


def _living(name: str, table: Table, *columns: str, unique: bool = False) -> None:
    alive = table.c.deleted_at.is_(None)
    Index(
        name,
        *(table.c[column] for column in columns),
        unique=unique,
        sqlite_where=alive,
    )


_living("living_threads", threads, "position")
_living("living_messages", messages, "thread", "position", unique=True)
_living("living_conversations", conversations, "position")
_living("living_items", items, "conversation", "position", unique=True)
_living("living_completions", completions, "position")
_living("living_completions_of_model", completions, "model", "position")
_in_a_run = messages.c.run_id.is_not(None) & messages.c.deleted_at.is_(None)
Index(
    "living_messages_of_run",
    messages.c.thread,
    messages.c.run_id,
    messages.c.position,
    sqlite_where=_in_a_run,
)
Index("metadata_pairs", completion_metadata.c.name, completion_metadata.c.value)
Index("idempotency_by_age", idempotency.c.created_at)
Index("idempotency_by_object", idempotency.c.collection_id, idempotency.c.object_id)


def prepare(connection: Connection, name: str) -> None:
    """Create the tables in an empty database, or check that this Backscroll can use those there.

    Writes once, so that a database that cannot be written is found now and not at the first create.

    Args:
        connection: Inside a write transaction.
        name: What the database is called in an error.

    Raises:
        StoreError: The database is another program's, or a newer Backscroll's.
    """
    present = set(inspect(connection).get_table_names())
    if not present:
        _tables.create_all(connection)
        connection.execute(insert(version_table).values(version=SCHEMA_VERSION, opened=0))
    elif version_table.name not in present:
        line = f"{name} holds another program's tables: point BACKSCROLL_DATABASE elsewhere"
        raise StoreError(line)
    version = connection.execute(select(version_table.c.version)).scalar_one()
    if version > SCHEMA_VERSION:
        line = (
            f"{name} was written by a newer Backscroll (schema {version}, this one knows "
            f"{SCHEMA_VERSION}): upgrade Backscroll or point BACKSCROLL_DATABASE elsewhere"
        )
        raise StoreError(line)
    connection.execute(update(version_table).values(opened=version_table.c.opened + 1))
