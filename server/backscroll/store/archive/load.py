"""Import: writes whole threads, conversations and stored completions.

Each of them is written in one transaction, and at most once.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, Table, bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningInsert

from backscroll.database.faults import StoreError
from backscroll.database.locks import lock_list
from backscroll.database.schema import (
    completion_messages,
    completions,
    conversations,
    items,
    messages,
    threads,
)
from backscroll.store.activity import US
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedItem,
    ImportedMessage,
    ImportedThread,
    ImportOutcome,
    Watermark,
)
from backscroll.store.archive.storable import storable, storable_metadata
from backscroll.store.archive.watermarks import write_watermarks
from backscroll.store.bodies import MetadataChange
from backscroll.store.completions import replace_filter_rows
from backscroll.store.conversation_object import ItemList, item_row
from backscroll.store.envelopes import JSON
from backscroll.store.ids import (
    is_id,
    new_completion_id,
    new_conversation_id,
    new_message_id,
    new_thread_id,
)
from backscroll.store.message_object import text_part
from backscroll.store.request_body import why_unstorable
from backscroll.store.search import index
from backscroll.store.search.texts import (
    COMPLETION,
    CONVERSATION,
    THREAD,
    Entry,
    completion_text,
    item_entry,
    item_role,
    thread_entry,
)
from backscroll.store.validation import validate

_CHUNK: Final = 1_000


def write_thread(
    connection: Connection, partition: str, thread: ImportedThread, now_us: int
) -> ImportOutcome:
    """Insert a whole thread, unless its key or id already exists.

    Args:
        connection: a connection in a write transaction.
        partition: the partition to write to.
        thread: the thread.
        now_us: the time of day in Unix microseconds. A last activity that is later becomes this
            time.

    Raises:
        StoreError: the thread has a value that cannot be stored; nothing is written.
    """
    thread_id = _id(thread.id, "thread") or new_thread_id()
    if _exists(connection, threads, partition, thread.key, thread_id):
        return ImportOutcome(kind="present")
    rows = [_message_row(message, at) for at, message in enumerate(thread.messages, 1)]
    last_message_at = rows[-1]["created_at"] if rows else None
    row: JSON = {
        "partition": partition,
        "id": thread_id,
        "import_key": thread.key,
        "created_at": thread.created_at,
        "metadata": _metadata(thread.metadata),
        "tool_resources": thread.tool_resources,
        "next_position": len(rows) + 1,
        "message_count": len(rows),
        "last_message_at": last_message_at,
        "last_active_us": _activity(last_message_at or thread.created_at, now_us),
    }
    _check(row)
    position = connection.scalar(_insertion(threads), row)
    _insert_all(connection, messages, [{"thread": position, **row} for row in rows])
    entries = map(thread_entry, rows)
    index.add(connection, partition, index.owner_of(THREAD, position), entries)
    return ImportOutcome(kind="imported", id=thread_id, added=len(rows))


def write_conversation(
    connection: Connection, partition: str, conversation: ImportedConversation, now_us: int
) -> ImportOutcome:
    """Insert a whole conversation, as `write_thread` inserts a thread.

    Raises:
        StoreError: the conversation has a value that cannot be stored; nothing is written.
    """
    conversation_id = _id(conversation.id, "conv") or new_conversation_id()
    if _exists(connection, conversations, partition, conversation.key, conversation_id):
        return ImportOutcome(kind="present")
    rows, repaired = _item_rows(conversation.items)
    row: JSON = {
        "partition": partition,
        "id": conversation_id,
        "import_key": conversation.key,
        "created_at": conversation.created_at,
        "metadata": _metadata(storable_metadata(conversation.metadata)[0]),
        "next_position": len(rows) + 1,
        "message_count": sum(row["body"]["type"] == "message" for row in rows),
        "last_active_us": _activity(conversation.last_active_at or conversation.created_at, now_us),
    }
    _check([row, rows])
    position = connection.scalar(_insertion(conversations), row)
    _insert_all(connection, items, [{"conversation": position, **row} for row in rows])
    entries = (item_entry(row, row["created_at"] or conversation.created_at) for row in rows)
    index.add(connection, partition, index.owner_of(CONVERSATION, position), entries)
    return ImportOutcome(kind="imported", id=conversation_id, added=len(rows), repaired=repaired)


def write_conversations(
    connection: Connection,
    partition: str,
    given: Sequence[ImportedConversation],
    now_us: int,
    watermarks: Sequence[Watermark] = (),
) -> list[ImportOutcome]:
    """Insert conversations, and store watermarks; refuse what cannot be stored."""
    outcomes = []
    for conversation in given:
        try:
            outcomes.append(write_conversation(connection, partition, conversation, now_us))
        except StoreError as error:
            outcomes.append(ImportOutcome(kind="refused", reason=str(error)))
    write_watermarks(connection, partition, watermarks)
    return outcomes


def write_completion(
    connection: Connection, partition: str, completion: ImportedCompletion
) -> ImportOutcome:
    """Insert a stored completion, unless its key or id already exists.

    Raises:
        StoreError: the completion has a value that cannot be stored; nothing is written.
    """
    completion_id = _id(completion.id) or new_completion_id()
    if _exists(connection, completions, partition, completion.key, completion_id):
        return ImportOutcome(kind="present")
    outputs = [choice["message"] for choice in completion.choices if choice.get("message")]
    row: JSON = {
        "partition": partition,
        "id": completion_id,
        "import_key": completion.key,
        "created_at": completion.created_at,
        "model": completion.model,
        "metadata": _metadata(completion.metadata),
        "choices": completion.choices,
        "fields": completion.fields,
        "input_count": len(completion.messages),
    }
    bodies = [{"body": message} for message in (*completion.messages, *outputs)]
    _check([row, bodies])
    position = connection.scalar(_insertion(completions), row)
    _insert_all(
        connection,
        completion_messages,
        [{"completion": position, "position": at, **body} for at, body in enumerate(bodies)],
    )
    replace_filter_rows(connection, position, row["metadata"])
    created_at = completion.created_at
    entries = (
        Entry(at, item_role(body["body"]), created_at, completion_text(body["body"]))
        for at, body in enumerate(bodies)
    )
    index.add(connection, partition, index.owner_of(COMPLETION, position), entries)
    return ImportOutcome(kind="imported", id=completion_id, added=len(bodies))


def _message_row(message: ImportedMessage, position: int) -> JSON:
    content = message.content
    parts = [text_part(content)] if isinstance(content, str) else [_part(part) for part in content]
    row: JSON = {
        "position": position,
        "id": _id(message.id) or new_message_id(),
        "created_at": message.created_at,
        "role": message.role,
        "content": parts,
        "attachments": message.attachments,
        "metadata": _metadata(message.metadata),
        "run_id": message.run_id,
        "assistant_id": message.assistant_id,
        "status": message.status,
        "incomplete_at": message.incomplete_at,
        "incomplete_details": message.incomplete_details,
    }
    _check(row)
    return row


def _item_rows(given: Sequence[ImportedItem]) -> tuple[list[JSON], int]:
    try:
        validate(ItemList, {"items": [each.item for each in given]})
    except ApiError as error:
        raise StoreError(error.message) from error
    repaired = 0
    rows = []
    for at, each in enumerate(given, 1):
        row = item_row(each.item, _id(each.item.get("id")))
        row["body"], count = storable(row["body"])
        repaired += count
        rows.append({"position": at, "created_at": each.created_at, "import_key": each.key, **row})
    return rows, repaired


def _id(given: object, prefix: str = "") -> str | None:
    if given is None:
        return None
    if not isinstance(given, str) or not is_id(given):
        line = f"{str(given)[:64]!r} is not an id: expected 1 to 256 letters, digits and _ . = -"
        raise StoreError(line)
    if not given.startswith(prefix):
        line = f"{given[:64]!r} does not begin with '{prefix}'"
        raise StoreError(line)
    return given


def _part(part: JSON) -> JSON:
    """Return a message part in the form of responses, given the form of requests or responses."""
    text = part.get("text")
    return text_part(text) if part.get("type") == "text" and isinstance(text, str) else part


def _activity(at_s: int, now_us: int) -> int:
    """Return a time in Unix microseconds, limited to the range from 1970 to the present."""
    return min(max(0, at_s) * US, now_us)


def _metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    if not metadata:
        return {}
    try:
        return validate(MetadataChange, {"metadata": dict(metadata)}).metadata or {}
    except ApiError as error:
        raise StoreError(error.message) from error


def _check(value: object) -> None:
    reason = why_unstorable(value)
    if reason is not None:
        line = f"cannot be imported: {reason}"
        raise StoreError(line)


def _exists(
    connection: Connection, table: Table, partition: str, key: str, identifier: str
) -> bool:
    lock_list(connection, table, partition)
    bound = {"within": partition, "known_key": key, "known_id": identifier}
    return connection.execute(_same_key_or_id(table), bound).first() is not None


@cache
def _same_key_or_id(table: Table) -> Select[Any]:
    same = (table.c.import_key == bindparam("known_key")) | (table.c.id == bindparam("known_id"))
    return select(table.c.id).where(table.c.partition == bindparam("within"), same)


@cache
def _insertion(table: Table) -> ReturningInsert[Any]:
    return insert(table).returning(table.c.position)


def _insert_all(connection: Connection, table: Table, rows: Sequence[JSON]) -> None:
    try:
        for at in range(0, len(rows), _CHUNK):  # a statement has a limited number of parameters
            connection.execute(insert(table), rows[at : at + _CHUNK])
    except IntegrityError as error:
        line = f"cannot be imported: two of its {table.name} have the same id"
        raise StoreError(line) from error
