"""Items of a conversation: list, create, get, delete.

An item's position comes from its conversation's row, which the write transaction updates. The
update locks the row until the commit, so that items are in the order of their commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, ScalarSelect, bindparam, insert, select, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.database.schema import conversations, items
from backscroll.store.api_errors import not_found
from backscroll.store.clock import Clock
from backscroll.store.conversation_object import (
    ItemsCreate,
    conversation_object,
    item_object,
    item_row,
)
from backscroll.store.envelopes import JSON, list_envelope, list_reply, partition_of, reply, turn_of
from backscroll.store.idempotency import IdempotencyKeys, Outcome, erase_replies
from backscroll.store.ids import require_conversation_id
from backscroll.store.paging import Listing, fetch_page, read_page_query
from backscroll.store.request_body import parse_object, read_body
from backscroll.store.validation import validate

_find_conversation: Final = select(conversations).where(
    conversations.c.partition == bindparam("within"),
    conversations.c.id == bindparam("conversation_id"),
    conversations.c.deleted_at.is_(None),
)
_hold_conversation: Final = _find_conversation.with_for_update()
_the_conversation: Final = _find_conversation.with_only_columns(
    conversations.c.position
).scalar_subquery()
_of_conversation: Final = select(items).where(
    items.c.conversation == _the_conversation, items.c.deleted_at.is_(None)
)
_find_item: Final = _of_conversation.where(items.c.id == bindparam("item_id"))
_hold_item: Final = _find_item.with_for_update(of=items)
_in_order: Final = items.alias()


def _cursor(name: str) -> ScalarSelect[int]:
    found = select(_in_order.c.position).where(
        _in_order.c.conversation == _the_conversation, _in_order.c.id == bindparam(name)
    )
    return found.scalar_subquery()


_insert: Final = insert(items)
_take_positions: Final = (
    update(conversations)
    .where(
        conversations.c.partition == bindparam("within"),
        conversations.c.id == bindparam("conversation_id"),
        conversations.c.deleted_at.is_(None),
    )
    .values(next_position=conversations.c.next_position + bindparam("count"))
    .returning(conversations.c.position, conversations.c.next_position)
)
_all_items: Final = Listing(
    "item",
    _of_conversation,
    items.c.position,
    _cursor,
    ("conversation", "conversation_id", _find_conversation),
)


def find_conversation(
    connection: Connection, partition: str, conversation_id: str, *, hold: bool = False
) -> JSON:
    """Return the row of a living conversation; `hold` locks it until the transaction ends.

    Raises:
        ApiError: 404 if it does not exist.
    """
    bound = {"within": partition, "conversation_id": conversation_id}
    statement = _hold_conversation if hold else _find_conversation
    row = connection.execute(statement, bound).one_or_none()
    if row is None:
        raise not_found("conversation", conversation_id)
    return row._asdict()


def append_items(
    connection: Connection, partition: str, conversation_id: str, rows: Sequence[JSON]
) -> None:
    """Insert `rows` at the next positions of a conversation, in order.

    Raises:
        ApiError: 404 if the conversation does not exist.
    """
    taken = {"within": partition, "conversation_id": conversation_id, "count": len(rows)}
    owner = connection.execute(_take_positions, taken).one_or_none()
    if owner is None:
        raise not_found("conversation", conversation_id)
    places = range(owner.next_position - len(rows), owner.next_position)
    placed = [
        {"conversation": owner.position, "position": position, **row}
        for position, row in zip(places, rows, strict=True)
    ]
    connection.execute(_insert, placed)


def _find(
    connection: Connection,
    partition: str,
    conversation_id: str,
    item_id: str,
    *,
    hold: bool = False,
) -> JSON:
    bound = {"within": partition, "conversation_id": conversation_id, "item_id": item_id}
    row = connection.execute(_hold_item if hold else _find_item, bound).one_or_none()
    if row is not None:
        return row._asdict()
    find_conversation(connection, partition, conversation_id)
    raise not_found("item", item_id)


@dataclass(frozen=True, slots=True)
class ItemEndpoints:
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

        def work(connection: Connection) -> Outcome:
            rows = [item_row(item) for item in body["items"]]
            append_items(connection, partition, conversation_id, rows)
            made = list_envelope([item_object(row) for row in rows], has_more=False)
            return Outcome(made, conversation_id)

        return await self.keys.write_once(request, raw, work)

    async def page(self, request: Request) -> Response:
        """Return one page of a conversation's items, newest first by default."""
        conversation_id = require_conversation_id(request.path_params["conversation_id"])
        query = read_page_query(request.query_params, "desc", takes_before=False)
        bound = {"within": partition_of(request), "conversation_id": conversation_id}
        page = await self.database.read(
            lambda connection: fetch_page(connection, _all_items, query, bound)
        )
        return list_reply([item_object(row) for row in page.rows], has_more=page.has_more)

    async def get(self, request: Request) -> Response:
        """Return one item."""
        partition, conversation_id, item_id = _ids(request)
        row = await self.database.read(
            lambda connection: _find(connection, partition, conversation_id, item_id)
        )
        return reply(item_object(row))

    async def delete(self, request: Request) -> Response:
        """Erase an item but keep its position, and return the conversation."""
        partition, conversation_id, item_id = _ids(request)

        def work(connection: Connection) -> JSON:
            row = _find(connection, partition, conversation_id, item_id, hold=True)
            its_place = (items.c.conversation == row["conversation"]) & (
                items.c.position == row["position"]
            )
            erased = update(items).where(its_place, items.c.deleted_at.is_(None))
            connection.execute(erased.values(body=None, deleted_at=self.clock.unix_s()))
            erase_replies(connection, partition, conversation_id, item_id)
            return find_conversation(connection, partition, conversation_id)

        return reply(conversation_object(await self.database.write(work, turn_of(request))))


def _ids(request: Request) -> tuple[str, str, str]:
    conversation_id = require_conversation_id(request.path_params["conversation_id"])
    return partition_of(request), conversation_id, request.path_params["item_id"]
