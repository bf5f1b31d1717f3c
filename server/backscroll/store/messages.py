"""Endpoints that create, list, get, modify and delete the messages of a thread.

A new message's position is the `next_position` of its thread's row. The transaction that writes the
message increases `next_position`, which locks the row until the commit. So positions are in commit
order.
"""

from collections.abc import Iterable, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, ScalarSelect, bindparam, insert, select, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.compiled import CompiledStatement
from backscroll.database.port import Database
from backscroll.database.schema import messages, threads
from backscroll.store.abridged import LargeListing, preview_of, read_page
from backscroll.store.activity import US, newest_message_at, next_activity
from backscroll.store.api_errors import not_found
from backscroll.store.bodies import MessageV1, MessageV2, MetadataChange
from backscroll.store.clock import Clock
from backscroll.store.envelopes import (
    JSON,
    ApiVersion,
    api_version,
    list_reply,
    partition_of,
    reply,
    turn_of,
)
from backscroll.store.idempotency import IdempotencyKeys, Outcome, Rebuild, erase_replies
from backscroll.store.ids import require_thread_id
from backscroll.store.message_object import content_of, message_object, message_row
from backscroll.store.paging import read_page_query
from backscroll.store.request_body import parse_object, read_body
from backscroll.store.search import index
from backscroll.store.search.texts import THREAD, message_text, thread_entry, tokens_of
from backscroll.store.validation import validate

if TYPE_CHECKING:
    from backscroll_tools.search.tokenizer import Tokens

find_thread: Final = select(threads.c.position).where(
    threads.c.partition == bindparam("within"),
    threads.c.id == bindparam("thread_id"),
    threads.c.deleted_at.is_(None),
)
_columns: Final = [
    messages.c[name]
    for name in (
        *("thread", "position", "id", "created_at", "role", "content", "attachments", "metadata"),
        *("run_id", "assistant_id", "status", "incomplete_at", "incomplete_details"),
    )
]
_of_thread: Final = select(*_columns).where(
    messages.c.thread == find_thread.scalar_subquery(), messages.c.deleted_at.is_(None)
)
_find_message: Final = _of_thread.where(messages.c.id == bindparam("message_id"))
_lock_message: Final = _find_message.with_for_update(of=messages)
_lock_thread: Final = find_thread.with_for_update()
_cursor_rows: Final = messages.alias()


def _cursor(name: str) -> ScalarSelect[int]:
    return (
        select(_cursor_rows.c.position)
        .where(
            _cursor_rows.c.thread == find_thread.scalar_subquery(),
            _cursor_rows.c.id == bindparam(name),
        )
        .scalar_subquery()
    )


_insert: Final = CompiledStatement(insert(messages), [column.name for column in _columns])
_take_positions: Final = CompiledStatement(
    update(threads)
    .where(
        threads.c.partition == bindparam("within"),
        threads.c.id == bindparam("thread_id"),
        threads.c.deleted_at.is_(None),
    )
    .values(
        next_position=threads.c.next_position + bindparam("count"),
        message_count=threads.c.message_count + bindparam("count"),
        last_message_at=bindparam("newest"),
        last_active_us=next_activity,
    )
    .returning(threads.c.position, threads.c.next_position)
)
_all_messages: Final = LargeListing(
    "message",
    _of_thread,
    messages.c.position,
    _cursor,
    ("thread", "thread_id", find_thread),
    content=messages.c.content,
    row=(messages.c.thread, messages.c.position),
)
_messages_of_run: Final = replace(
    _all_messages, rows=_of_thread.where(messages.c.run_id == bindparam("run_id"))
)


def append_messages(  # noqa: PLR0913, PLR0917 - no two arguments belong together
    connection: Connection,
    partition: str,
    thread_id: str,
    rows: Sequence[JSON],
    now_us: int,
    tokens: "Sequence[Tokens]",
) -> None:
    """Append messages to a thread.

    Args:
        connection: a connection in a write transaction.
        partition: the thread's partition.
        thread_id: the thread's id.
        rows: the messages' rows in order, from `message_row`.
        now_us: the time of day in Unix microseconds.
        tokens: the tokens of each message, from `message_tokens`.

    Raises:
        ApiError: 404 if the thread does not exist.
    """
    bound = {"within": partition, "thread_id": thread_id, "count": len(rows)}
    bound |= {"newest": rows[-1]["created_at"], "now_us": now_us}
    taken = _take_positions.execute(connection, bound)
    if not taken:
        raise not_found("thread", thread_id)
    [(thread, next_position)] = taken
    first = next_position - len(rows)
    found = {"thread": thread}
    positioned = [{**found, "position": at, **row} for at, row in enumerate(rows, first)]
    _insert.execute_each(connection, positioned)
    entries = starmap(thread_entry, zip(positioned, tokens, strict=True))
    index.add(connection, partition, index.owner_of(THREAD, thread), entries)


async def message_tokens(created: Iterable[MessageV1 | MessageV2]) -> "list[Tokens]":
    """Return the search tokens of new messages. Call this before the transaction."""
    texts = (message_text(message.role, content_of(message)) for message in created)
    return [await tokens_of(text) for text in texts]


def find_message(
    connection: Connection, partition: str, thread_id: str, message_id: str, *, lock: bool = False
) -> JSON:
    """Return the row of a message. If `lock` is true, lock it until the transaction ends.

    Raises:
        ApiError: 404 if the thread or the message does not exist or was deleted.
    """
    bound = {"within": partition, "thread_id": thread_id, "message_id": message_id}
    row = connection.execute(_lock_message if lock else _find_message, bound).one_or_none()
    if row is not None:
        return row._asdict()
    if connection.scalar(find_thread, {"within": partition, "thread_id": thread_id}) is None:
        raise not_found("thread", thread_id)
    raise not_found("message", message_id)


class MessageEndpoints(Struct, frozen=True):
    """The endpoints under `/threads/{thread_id}/messages`."""

    database: Database
    keys: IdempotencyKeys
    clock: Clock

    async def create(self, request: Request) -> Response:
        """Append one message to a thread."""
        version = api_version(request)
        partition = partition_of(request)
        thread_id = require_thread_id(request.path_params["thread_id"])
        raw = await read_body(request)
        body = parse_object(raw)
        message = validate(MessageV1, body) if version == "v1" else validate(MessageV2, body)
        tokens = await message_tokens([message])

        def work(connection: Connection) -> Outcome:
            now_us = self.clock.unix_us()
            row = message_row(message, now_us // US)
            append_messages(connection, partition, thread_id, [row], now_us, tokens)
            return _outcome(row, thread_id, version)

        return await self.keys.write_once(request, raw, work, _rebuild(partition, thread_id))

    async def page(self, request: Request) -> Response:
        """Return one page of a thread's messages, newest first by default."""
        version = api_version(request)
        thread_id = require_thread_id(request.path_params["thread_id"])
        query = read_page_query(request.query_params, "desc")
        run_id = request.query_params.get("run_id")
        listing = _messages_of_run if run_id else _all_messages
        bound = {"within": partition_of(request), "thread_id": thread_id}
        if run_id:
            bound["run_id"] = run_id
        preview = preview_of(request.query_params)
        page = await read_page(self.database, listing, query, bound, preview)
        data = [message_object(row, thread_id, version) for row in page.rows]
        return list_reply(data, has_more=page.has_more)

    async def get(self, request: Request) -> Response:
        """Return one message."""
        version = api_version(request)
        partition, thread_id, message_id = _ids(request)
        row = await self.database.read(
            lambda connection: find_message(connection, partition, thread_id, message_id)
        )
        return reply(message_object(row, thread_id, version))

    async def modify(self, request: Request) -> Response:
        """Replace a message's metadata, if the body contains metadata."""
        version = api_version(request)
        partition, thread_id, message_id = _ids(request)
        raw = await read_body(request)
        change = validate(MetadataChange, parse_object(raw))

        def work(connection: Connection) -> Outcome:
            row = find_message(connection, partition, thread_id, message_id, lock=True)
            if "metadata" in change.model_fields_set:
                row["metadata"] = change.metadata or {}
                self._update(connection, row, metadata=row["metadata"])
            return _outcome(row, thread_id, version)

        return await self.keys.write_once(request, raw, work, _rebuild(partition, thread_id))

    async def delete(self, request: Request) -> Response:
        """Erase a message's content. Its row stays, marked as deleted."""
        api_version(request)
        partition, thread_id, message_id = _ids(request)

        def work(connection: Connection) -> None:
            # Lock the thread first, as deleting a thread does, to avoid a deadlock.
            connection.execute(_lock_thread, {"within": partition, "thread_id": thread_id})
            row = find_message(connection, partition, thread_id, message_id, lock=True)
            owner = index.owner_of(THREAD, row["thread"])
            index.remove(connection, partition, owner, row["position"], _text(row))
            erased = {"content": None, "attachments": None, "metadata": None}
            self._update(connection, row, **erased, deleted_at=self.clock.unix_s())
            connection.execute(_recount, {"thread": row["thread"]})
            erase_replies(connection, partition, thread_id, message_id)

        await self.database.write(work, turn_of(request))
        return reply({"id": message_id, "object": "thread.message.deleted", "deleted": True})

    @staticmethod
    def _update(connection: Connection, row: JSON, **values: object) -> None:
        statement = update(messages).where(
            messages.c.thread == row["thread"], messages.c.id == row["id"]
        )
        connection.execute(statement.values(**values))


_recount: Final = (
    update(threads)
    .where(threads.c.position == bindparam("thread"))
    .values(message_count=threads.c.message_count - 1, last_message_at=newest_message_at)
)


def _outcome(row: JSON, thread_id: str, version: ApiVersion) -> Outcome:
    """Return the outcome of writing a message.

    `Outcome.stored` keeps what the message's row cannot give later: the API version of the reply,
    which the row lacks, and the metadata, which may change in the row.
    """
    stored = {"version": version, "metadata": row["metadata"]}
    return Outcome(message_object(row, thread_id, version), thread_id, stored)


def _rebuild(partition: str, thread_id: str) -> Rebuild:
    def rebuild(connection: Connection, ids: list[str], stored: JSON) -> JSON:
        row = find_message(connection, partition, thread_id, ids[0])
        row["metadata"] = stored["metadata"]
        return message_object(row, thread_id, stored["version"])

    return rebuild


def _text(row: JSON) -> str:
    return message_text(row["role"], row["content"])


def _ids(request: Request) -> tuple[str, str, str]:
    thread_id = require_thread_id(request.path_params["thread_id"])
    return partition_of(request), thread_id, request.path_params["message_id"]
