"""The tables of responses."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, UniqueConstraint

from backscroll.database.column_types import (
    Json,
    PlainText,
    RowNumber,
    index_undeleted,
    tables,
)

RUNNING: Final = "running/"
"""The beginning of the `import_key` of a response that runs in the background. The keys of imports
begin with the name of a program and a colon."""

# `fields` has the whole object except its input and output, which are in `response_items`. The ids
# of the conversation and of the previous response are also columns, so that queries need no JSON
# operators. A deleted response keeps `previous_response_id` and the ids of its items, so that a
# page of a later response's history can still start after an item of the deleted response.
responses: Final = Table(
    "responses",
    tables,
    Column("position", RowNumber, primary_key=True, autoincrement=True),
    Column("partition", PlainText, nullable=False, server_default=""),
    Column("id", PlainText, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("conversation_id", PlainText),
    Column("previous_response_id", PlainText),
    # The number of items that are messages.
    Column("message_count", BigInteger, nullable=False),
    Column("metadata", Json),
    Column("fields", Json),
    Column("import_key", PlainText),
    Column("deleted_at", BigInteger),
    UniqueConstraint("partition", "id", name="responses_partition_id_key"),
    UniqueConstraint("partition", "import_key", name="responses_partition_import_key_key"),
)

# The items of a response are its input, followed by its output. Their positions begin at 1.
response_items: Final = Table(
    "response_items",
    tables,
    Column("response", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("id", PlainText, nullable=False),
    Column("type", PlainText, nullable=False),
    Column("is_output", Boolean, nullable=False),
    Column("body", Json),
)

index_undeleted("living_responses", responses, "partition", "position")
index_undeleted(
    "living_responses_of_conversation", responses, "partition", "conversation_id", "position"
)

Index("response_items_by_id", response_items.c.id, response_items.c.response)

RESPONSE_TABLES: Final = (responses, response_items)
"""All tables of this module."""
