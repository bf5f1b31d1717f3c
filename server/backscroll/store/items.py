"""Endpoints that list, create, get and delete the items of a conversation.

A new item's position is the `next_position` of its conversation's row. The transaction that writes
the item increases `next_position`, which locks the row until the commit. So positions are in commit
order.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from sqlalchemy import Connection, ScalarSelect, bindparam, insert, select, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.compiled import CompiledStatement
from backscroll.database.port import Database
from backscroll.database.schema import conversations, items
from backscroll.store.abridged import LargeListing, preview_of, read_page
from backscroll.store.activity import US, next_activity
from backscroll.store.api_errors import not_found
from backscroll.store.clock import Clock
from backscroll.store.conversation_object import (
    ItemsCreate,
    conversation_object,
    is_message,
    item_body,
    item_object,
    item_row,
)
from backscroll.store.envelopes import JSON, list_envelope, list_reply, partition_of, reply, turn_of
from backscroll.store.idempotency import IdempotencyKeys, Outcome, erase_replies
from backscroll.store.ids import require_conversation_id
from backscroll.store.paging import read_page_query
from backscroll.store.request_body import parse_object, read_body
from backscroll.store.search import index
from backscroll.store.search.texts import CONVERSATION, item_entry, item_text, tokens_of
from backscroll.store.validation import validate

if TYPE_CHECKING:
    from backscroll_tools.search.tokenizer import Tokens

_find_conversation: Final = select(conversations).where(
    conversations.c.partition == bindparam("within"),
    conversations.c.id == bindparam("conversation_id"),
    conversations.c.deleted_at.is_(None),
)
_lock_conversation: Final = _find_conversation.with_for_update()
_the_conversation: Final = _find_conversation.with_only_columns(
    conversations.c.position
).scalar_subquery()
_of_conversation: Final = select(items).where(
    items.c.conversation == _the_conversation, items.c.deleted_at.is_(None)
)
_find_item: Final = _of_conversation.where(items.c.id == bindparam("item_id"))
_lock_item: Final = _find_item.with_for_update(of=items)
_cursor_rows: Final = items.alias()


def _cursor(name: str) -> ScalarSelect[int]:
    found = select(_cursor_rows.c.position).where(
        _cursor_rows.c.conversation == _the_conversation, _cursor_rows.c.id == bindparam(name)
    )
    return found.scalar_subquery()


_insert: Final = CompiledStatement(
    insert(items), ["conversation", "position", "id", "created_at", "body"]
)
_take_positions: Final = CompiledStatement(
    update(conversations)
    .where(
        conversations.c.partition == bindparam("within"),
        conversations.c.id == bindparam("conversation_id"),
        conversations.c.deleted_at.is_(None),
    )
    .values(
        next_position=conversations.c.next_position + bindparam("count"),
        message_count=conversations.c.message_count + bindparam("messages"),
        last_active_us=next_activity,
    )
    .returning(conversations.c.position, conversations.c.next_position)
)
_one_less: Final = (
    update(conversations)
    .where(conversations.c.position == bindparam("row"))
    .values(message_count=conversations.c.message_count - 1)
)
_all_items: Final = LargeListing(
    "item",
    _of_conversation,
    items.c.position,
    _cursor,
    ("conversation", "conversation_id", _find_conversation),
    content=items.c.body,
    row=(items.c.conversation, items.c.position),
)


def find_conversation(
    connection: Connection, partition: str, conversation_id: str, *, lock: bool = False
) -> JSON:
    """Return the row of a conversation. If `lock` is true, lock it until the transaction ends.

    Raises:
        ApiError: 404 if the conversation does not exist or was deleted.
    """
    bound = {"within": partition, "conversation_id": conversation_id}
    statement = _lock_conversation if lock else _find_conversation
    row = connection.execute(statement, bound).one_or_none()
    if row is None:
        raise not_found("conversation", conversation_id)
    return row._asdict()


def read_items(connection: Connection, partition: str, conversation_id: str) -> list[JSON]:
    """Return the rows of all items of a conversation, oldest first.

    Raises:
        ApiError: 404 if the conversation does not exist or was deleted.
    """
    find_conversation(connection, partition, conversation_id)
    bound = {"within": partition, "conversation_id": conversation_id}
    rows = connection.execute(_of_conversation.order_by(items.c.position), bound)
    return [row._asdict() for row in rows]


async def item_tokens(created: Iterable[JSON]) -> "list[Tokens]":
    """Return the search tokens of new items. Call this before the transaction."""
    return [await tokens_of(item_text(item_body(item))) for item in created]


def append_items(  # noqa: PLR0913, PLR0917 - no two arguments belong together
    connection: Connection,
    partition: str,
    conversation_id: str,
    created: Iterable[JSON],
    now_us: int,
    tokens: "Sequence[Tokens]",
) -> list[JSON]:
    """Append new items to a conversation, and return their rows in order.

    Args:
        connection: a connection in a write transaction.
        partition: the conversation's partition.
        conversation_id: the conversation's id.
        created: the validated items in order.
        now_us: the time of day in Unix microseconds, which becomes the items' time.
        tokens: the tokens of each item, from `item_tokens`.

    Raises:
        ApiError: 404 if the conversation does not exist.
    """
    at = now_us // US
    rows = [{**item_row(item), "created_at": at} for item in created]
    bound = {
        "within": partition,
        "conversation_id": conversation_id,
        "count": len(rows),
        "messages": sum(is_message(row["body"]) for row in rows),
        "now_us": now_us,
    }
    taken = _take_positions.execute(connection, bound)
    if not taken:
        raise not_found("conversation", conversation_id)
    [(owner, next_position)] = taken
    positions = range(next_position - len(rows), next_position)
    positioned = [
        {"conversation": owner, "position": position, **row}
        for position, row in zip(positions, rows, strict=True)
    ]
    _insert.execute_each(connection, positioned)
    entries = (
        item_entry(row, at, tokens_of_item)
        for row, tokens_of_item in zip(positioned, tokens, strict=True)
    )
    index.add(connection, partition, index.owner_of(CONVERSATION, owner), entries)
    return rows


def _find(
    connection: Connection,
    partition: str,
    conversation_id: str,
    item_id: str,
    *,
    lock: bool = False,
) -> JSON:
    bound = {"within": partition, "conversation_id": conversation_id, "item_id": item_id}
    row = connection.execute(_lock_item if lock else _find_item, bound).one_or_none()
    if row is not None:
        return row._asdict()
    find_conversation(connection, partition, conversation_id)
    raise not_found("item", item_id)


class ItemEndpoints(Struct, frozen=True):
    """The endpoints under `/conversations/{conversation_id}/items`."""

    database: Database
    keys: IdempotencyKeys
    clock: Clock

    async def create(self, request: Request) -> Response:
        """Append items to a conversation, and return them as a list."""
        partition = partition_of(request)
        conversation_id = require_conversation_id(request.path_params["conversation_id"])
        raw = await read_body(request)
        body = parse_object(raw)
        validate(ItemsCreate, body)
        tokens = await item_tokens(body["items"])

        def work(connection: Connection) -> Outcome:
            now_us = self.clock.unix_us()
            rows = append_items(
                connection, partition, conversation_id, body["items"], now_us, tokens
            )
            return Outcome(_created(rows), conversation_id, {})

        def rebuild(connection: Connection, ids: list[str], _stored: JSON) -> JSON:
            rows = [_find(connection, partition, conversation_id, item_id) for item_id in ids]
            return _created(rows)

        return await self.keys.write_once(request, raw, work, rebuild)

    async def page(self, request: Request) -> Response:
        """Return one page of a conversation's items, newest first by default."""
        conversation_id = require_conversation_id(request.path_params["conversation_id"])
        query = read_page_query(request.query_params, "desc", takes_before=False)
        bound = {"within": partition_of(request), "conversation_id": conversation_id}
        preview = preview_of(request.query_params)
        page = await read_page(self.database, _all_items, query, bound, preview)
        return list_reply([item_object(row) for row in page.rows], has_more=page.has_more)

    async def get(self, request: Request) -> Response:
        """Return one item."""
        partition, conversation_id, item_id = _ids(request)
        row = await self.database.read(
            lambda connection: _find(connection, partition, conversation_id, item_id)
        )
        return reply(item_object(row))

    async def delete(self, request: Request) -> Response:
        """Erase an item's content, and return the item's conversation."""
        partition, conversation_id, item_id = _ids(request)

        def work(connection: Connection) -> JSON:
            # Lock the conversation first, as an import does, to avoid a deadlock.
            find_conversation(connection, partition, conversation_id, lock=True)
            row = _find(connection, partition, conversation_id, item_id, lock=True)
            this_item = (items.c.conversation == row["conversation"]) & (
                items.c.position == row["position"]
            )
            owner = index.owner_of(CONVERSATION, row["conversation"])
            index.remove(connection, partition, owner, row["position"], item_text(row["body"]))
            erased = update(items).where(this_item, items.c.deleted_at.is_(None))
            connection.execute(erased.values(body=None, deleted_at=self.clock.unix_s()))
            if is_message(row["body"]):
                connection.execute(_one_less, {"row": row["conversation"]})
            erase_replies(connection, partition, conversation_id, item_id)
            return find_conversation(connection, partition, conversation_id)

        return reply(conversation_object(await self.database.write(work, turn_of(request))))


def _created(rows: Sequence[JSON]) -> JSON:
    return list_envelope([item_object(row) for row in rows], has_more=False)


def _ids(request: Request) -> tuple[str, str, str]:
    conversation_id = require_conversation_id(request.path_params["conversation_id"])
    return partition_of(request), conversation_id, request.path_params["item_id"]
