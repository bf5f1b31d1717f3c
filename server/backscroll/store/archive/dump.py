"""Export: reads threads, conversations, completions and responses as records to import."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, bindparam, select

from backscroll.database.port import Database
from backscroll.database.response_schema import RUNNING, response_items, responses
from backscroll.database.schema import (
    completion_messages,
    completions,
    conversations,
    items,
    messages,
    threads,
)
from backscroll.store.activity import US
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedResponse,
    ImportedThread,
)
from backscroll.store.conversation_object import item_object
from backscroll.store.envelopes import JSON
from backscroll.store.message_object import whole_content

_CHUNK: Final = 100


def _living(table: Table) -> Select[Any]:
    return (
        select(table)
        .where(
            table.c.partition == bindparam("owner"),
            table.c.deleted_at.is_(None),
            table.c.position > bindparam("above"),
        )
        .order_by(table.c.position)
        .limit(_CHUNK)
    )


def _chunk(table: Table, owner: str) -> Select[Any]:
    return (
        select(table)
        .where(table.c[owner] == bindparam("owner"), table.c.position > bindparam("above"))
        .order_by(table.c.position)
        .limit(_CHUNK)
    )


_next_thread: Final = _living(threads)
_next_conversation: Final = _living(conversations)
_next_completion: Final = _living(completions)
_next_response: Final = _living(responses)
_messages: Final = _chunk(messages, "thread").where(messages.c.deleted_at.is_(None))
_items: Final = _chunk(items, "conversation").where(items.c.deleted_at.is_(None))
_completion_messages: Final = _chunk(completion_messages, "completion")
_response_items: Final = _chunk(response_items, "response").where(
    response_items.c.body.is_not(None)
)


async def read_threads(database: Database, partition: str) -> AsyncIterator[ImportedThread]:
    """Yield every thread of a partition, oldest first; only one is in memory at a time."""
    async for row in _walk(database, _next_thread, partition):
        yield ImportedThread(
            key=row["import_key"] or row["id"],
            created_at=row["created_at"],
            messages=[
                _message(message) async for message in _walk(database, _messages, row["position"])
            ],
            id=row["id"],
            metadata=row["metadata"] or {},
            tool_resources=row["tool_resources"],
        )


async def read_conversations(
    database: Database, partition: str
) -> AsyncIterator[ImportedConversation]:
    """Yield every conversation of a partition, oldest first; only one is in memory at a time."""
    async for row in _walk(database, _next_conversation, partition):
        yield ImportedConversation(
            key=row["import_key"] or row["id"],
            created_at=row["created_at"],
            items=[_item(item) async for item in _walk(database, _items, row["position"])],
            last_active_at=_last_active_at(row),
            id=row["id"],
            metadata=row["metadata"] or {},
        )


async def read_completions(database: Database, partition: str) -> AsyncIterator[ImportedCompletion]:
    """Yield every completion of a partition, oldest first; only one is in memory at a time."""
    async for row in _walk(database, _next_completion, partition):
        bodies = [
            message["body"]
            async for message in _walk(database, _completion_messages, row["position"])
        ]
        yield ImportedCompletion(
            key=row["import_key"] or row["id"],
            created_at=row["created_at"],
            model=row["model"],
            choices=row["choices"],
            messages=bodies[: row["input_count"]],
            id=row["id"],
            metadata=row["metadata"],
            fields=row["fields"],
        )


async def read_responses(database: Database, partition: str) -> AsyncIterator[ImportedResponse]:
    """Yield every response of a partition, oldest first; only one is in memory at a time."""
    async for row in _walk(database, _next_response, partition):
        its_items = [item async for item in _walk(database, _response_items, row["position"])]
        key = row["import_key"]
        yield ImportedResponse(
            key=row["id"] if not key or key.startswith(RUNNING) else key,
            created_at=row["created_at"],
            input=[item_object(item) for item in its_items if not item["is_output"]],
            output=[item_object(item) for item in its_items if item["is_output"]],
            id=row["id"],
            metadata=row["metadata"],
            fields=_with_previous(row),
        )


def _with_previous(row: JSON) -> JSON:
    """Return the fields of a response, with the response that it was recorded to continue."""
    previous = row["previous_response_id"]
    fields: JSON = row["fields"]
    return fields if previous is None else {**fields, "previous_response_id": previous}


def _last_active_at(conversation: JSON) -> int | None:
    at: int = conversation["last_active_us"] // US
    return None if at == conversation["created_at"] else at


async def _walk(
    database: Database, statement: Select[Any], owner: int | str
) -> AsyncIterator[JSON]:
    """Yield the rows of `statement`. Each chunk of rows is read in a separate transaction."""
    above = -1
    while rows := await database.read(partial(_after, statement, above, owner)):
        for row in rows:
            yield row
        above = rows[-1]["position"]


def _after(
    statement: Select[Any], above: int, owner: int | str, connection: Connection
) -> Sequence[JSON]:
    bound = {"above": above, "owner": owner}
    return [row._asdict() for row in connection.execute(statement, bound)]


def _item(row: JSON) -> ImportedItem:
    bare = item_object({**row, "created_at": None})
    return ImportedItem(bare, created_at=row["created_at"], key=row["import_key"])


def _message(row: JSON) -> ImportedMessage:
    return ImportedMessage(
        role=row["role"],
        content=whole_content(row["content"]),
        created_at=row["created_at"],
        id=row["id"],
        metadata=row["metadata"],
        attachments=row["attachments"],
        run_id=row["run_id"],
        assistant_id=row["assistant_id"],
        status=row["status"],
        incomplete_at=row["incomplete_at"],
        incomplete_details=row["incomplete_details"],
        key=row["import_key"],
    )
