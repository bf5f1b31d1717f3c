"""Endpoints that create, list, get, update and delete conversations.

OpenAI's API cannot list conversations, so the list follows Azure AI Foundry's `GET /conversations`.
Its filters, `metadata[key]=value`, follow OpenAI's lists of stored completions and agent sessions.
"""

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct
from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    insert,
    select,
    update,
)
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.locks import lock_list
from backscroll.database.port import Database
from backscroll.database.schema import conversations, items
from backscroll.store.activity import US, next_activity
from backscroll.store.api_errors import invalid_value
from backscroll.store.bodies import MetadataReplacement
from backscroll.store.clock import Clock
from backscroll.store.conversation_object import (
    ConversationCreate,
    conversation_object,
    listed_conversation,
)
from backscroll.store.envelopes import JSON, list_reply, partition_of, reply, turn_of
from backscroll.store.idempotency import IdempotencyKeys, Outcome, erase_replies
from backscroll.store.ids import new_conversation_id, require_conversation_id
from backscroll.store.items import append_items, find_conversation, item_tokens
from backscroll.store.large_deletion import LargeDeletion, is_large
from backscroll.store.paging import Listing, by_id, fetch_page, metadata_filters, read_page_query
from backscroll.store.request_body import parse_object, read_body
from backscroll.store.search import index, owners
from backscroll.store.search.texts import CONVERSATION
from backscroll.store.validation import validate

_all: Final = select(conversations).where(
    conversations.c.partition == bindparam("within"), conversations.c.deleted_at.is_(None)
)
_FILTER_KEY: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_insert: Final = insert(conversations).values(last_active_us=next_activity)


@lru_cache(maxsize=64)
def _listing(keys: tuple[str, ...] = ()) -> Listing:
    """Return the list of conversations, with a query that filters by these keys of the metadata.

    The values are the parameters `value_0`, `value_1` and so on.

    Raises:
        ApiError: 400 if a key has other characters than letters, digits and `_ . -`: the two
            databases do not agree on how a JSON path names such a key.
    """
    rows = _all
    for number, key in enumerate(keys):
        if not _FILTER_KEY.fullmatch(key):
            message = "Invalid 'metadata': a filter's key has 1 to 64 letters, digits and _ . -."
            raise invalid_value("metadata", message)
        found = conversations.c.metadata[key].as_string()
        rows = rows.where(found == bindparam(f"value_{number}"))
    return Listing("conversation", rows, conversations.c.position, by_id(conversations))


class ConversationEndpoints(Struct, frozen=True):
    """The endpoints at `/conversations` and `/conversations/{conversation_id}`."""

    database: Database
    keys: IdempotencyKeys
    clock: Clock
    large: LargeDeletion

    async def create(self, request: Request) -> Response:
        """Create a conversation with the items in the body."""
        partition = partition_of(request)
        raw = await read_body(request)
        body = parse_object(raw)
        metadata = validate(ConversationCreate, body).metadata or {}
        created = body.get("items") or ()
        tokens = await item_tokens(created)

        def work(connection: Connection) -> Outcome:
            lock_list(connection, conversations, partition)
            now_us = self.clock.unix_us()
            conversation: JSON = {
                "partition": partition,
                "id": new_conversation_id(),
                "created_at": now_us // US,
                "metadata": metadata,
                "next_position": 1,
                "message_count": 0,
            }
            connection.execute(_insert, {**conversation, "within": partition, "now_us": now_us})
            if created:
                append_items(connection, partition, conversation["id"], created, now_us, tokens)
            return Outcome(conversation_object(conversation), conversation["id"])

        return await self.keys.write_once(request, raw, work)

    async def page(self, request: Request) -> Response:
        """Return one page of conversations, newest first by default."""
        query = read_page_query(request.query_params, "desc")
        filters = metadata_filters(request.query_params)
        listing = _listing(tuple(filters))
        bound = {"within": partition_of(request)}
        bound |= {f"value_{number}": value for number, value in enumerate(filters.values())}
        page = await self.database.read(
            lambda connection: fetch_page(connection, listing, query, bound)
        )
        return list_reply([listed_conversation(row) for row in page.rows], has_more=page.has_more)

    async def get(self, request: Request) -> Response:
        """Return one conversation."""
        partition = partition_of(request)
        conversation_id = require_conversation_id(request.path_params["conversation_id"])
        row = await self.database.read(
            lambda connection: find_conversation(connection, partition, conversation_id)
        )
        return reply(conversation_object(row))

    async def modify(self, request: Request) -> Response:
        """Replace a conversation's metadata."""
        partition = partition_of(request)
        conversation_id = require_conversation_id(request.path_params["conversation_id"])
        raw = await read_body(request)
        metadata = validate(MetadataReplacement, parse_object(raw)).metadata or {}

        def work(connection: Connection) -> Outcome:
            row = find_conversation(connection, partition, conversation_id, lock=True)
            changed = update(conversations).where(conversations.c.position == row["position"])
            connection.execute(changed.values(metadata=metadata))
            owner = index.owner_of(CONVERSATION, row["position"])
            index.retitle(connection, partition, owner, row["metadata"], metadata)
            return Outcome(conversation_object({**row, "metadata": metadata}), conversation_id)

        return await self.keys.write_once(request, raw, work)

    async def delete(self, request: Request) -> Response:
        """Erase a conversation and its items. Its row stays, marked as deleted.

        Many items are erased after the reply; see `large_deletion`.
        """
        partition = partition_of(request)
        conversation_id = require_conversation_id(request.path_params["conversation_id"])

        def work(connection: Connection) -> bool:
            row = find_conversation(connection, partition, conversation_id, lock=True)
            if is_large(row["next_position"]):
                self.large.begin(connection, partition, conversation_id, self.clock.unix_s())
                return True
            position = row["position"]
            owners.remove_owner(connection, index.owner_of(CONVERSATION, position))
            connection.execute(delete(items).where(items.c.conversation == position))
            erased = update(conversations).where(conversations.c.position == position)
            connection.execute(
                erased.values(metadata=None, imported_metadata=None, deleted_at=self.clock.unix_s())
            )
            erase_replies(connection, partition, conversation_id)
            return False

        await self.large.write(self.database, work, turn_of(request))
        return reply({"id": conversation_id, "object": "conversation.deleted", "deleted": True})
