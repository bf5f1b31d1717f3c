"""Endpoints that create, list, get, modify and delete threads."""

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, insert, select, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.locks import lock_list
from backscroll.database.port import Database
from backscroll.database.schema import messages, threads
from backscroll.store.activity import US, next_activity
from backscroll.store.activity_list import page_by_activity
from backscroll.store.api_errors import not_found
from backscroll.store.bodies import MetadataChange, ThreadChange, ThreadV1, ThreadV2
from backscroll.store.clock import Clock
from backscroll.store.envelopes import JSON, api_version, list_reply, partition_of, reply, turn_of
from backscroll.store.idempotency import IdempotencyKeys, Outcome, erase_replies
from backscroll.store.ids import new_thread_id, require_thread_id
from backscroll.store.large_deletion import LargeDeletion, is_large
from backscroll.store.message_object import message_row
from backscroll.store.messages import append_messages, message_tokens
from backscroll.store.paging import Listing, by_id, fetch_page, read_page_query
from backscroll.store.request_body import parse_object, read_body
from backscroll.store.search import index, owners
from backscroll.store.search.texts import THREAD
from backscroll.store.thread_object import listed_thread, thread_object
from backscroll.store.validation import validate

_living: Final = select(threads).where(
    threads.c.partition == bindparam("within"), threads.c.deleted_at.is_(None)
)
_find: Final = _living.where(threads.c.id == bindparam("thread_id"))
_lock: Final = _find.with_for_update()
_insert: Final = insert(threads).values(last_active_us=next_activity)
_all_threads: Final = Listing("thread", _living, threads.c.position, by_id(threads))


def insert_thread(connection: Connection, row: JSON, now_us: int) -> None:
    """Insert a thread without messages; `now_us` is the current time in Unix microseconds."""
    lock_list(connection, threads, row["partition"])
    empty = {"next_position": 1, "message_count": 0, "last_message_at": None}
    bound = {"within": row["partition"], "now_us": now_us}
    connection.execute(_insert, {**row, **empty, **bound})


def _find_thread(
    connection: Connection, partition: str, thread_id: str, *, lock: bool = False
) -> JSON:
    bound = {"within": partition, "thread_id": thread_id}
    row = connection.execute(_lock if lock else _find, bound).one_or_none()
    if row is None:
        raise not_found("thread", thread_id)
    return row._asdict()


class ThreadEndpoints(Struct, frozen=True):
    """The endpoints at `/threads` and `/threads/{thread_id}`."""

    database: Database
    keys: IdempotencyKeys
    clock: Clock
    large: LargeDeletion

    async def create(self, request: Request) -> Response:
        """Create a thread with the messages in the body."""
        version = api_version(request)
        partition = partition_of(request)
        raw = await read_body(request)
        parsed = parse_object(raw)
        body = validate(ThreadV1, parsed) if version == "v1" else validate(ThreadV2, parsed)
        resources = body.tool_resources if isinstance(body, ThreadV2) else None
        tokens = await message_tokens(body.messages or ())

        def work(connection: Connection) -> Outcome:
            now_us = self.clock.unix_us()
            thread: JSON = {
                "partition": partition,
                "id": new_thread_id(),
                "created_at": now_us // US,
                "metadata": body.metadata,
                "tool_resources": resources and resources.model_dump(exclude_none=True),
            }
            insert_thread(connection, thread, now_us)
            if body.messages:
                rows = [message_row(message, now_us // US) for message in body.messages]
                append_messages(connection, partition, thread["id"], rows, now_us, tokens)
            return Outcome(thread_object(thread), thread["id"])

        return await self.keys.write_once(request, raw, work)

    async def page(self, request: Request) -> Response:
        """Return one page of threads, newest first by default. OpenAI's API has no such endpoint.

        Threads are listed in the order in which this store created or imported them, or with
        `sort=activity` in the order of their last activity.
        """
        api_version(request)
        partition, params = partition_of(request), request.query_params
        if params.get("sort") == "activity":
            data, has_more = await page_by_activity(self.database, partition, params)
            return list_reply(data, has_more=has_more)
        query = read_page_query(params, "desc")
        bound = {"within": partition}
        page = await self.database.read(
            lambda connection: fetch_page(connection, _all_threads, query, bound)
        )
        return list_reply([listed_thread(row) for row in page.rows], has_more=page.has_more)

    async def get(self, request: Request) -> Response:
        """Return one thread."""
        api_version(request)
        partition = partition_of(request)
        thread_id = require_thread_id(request.path_params["thread_id"])
        row = await self.database.read(
            lambda connection: _find_thread(connection, partition, thread_id)
        )
        return reply(thread_object(row))

    async def modify(self, request: Request) -> Response:
        """Replace a thread's metadata or tool resources, or both. Keep what the body omits."""
        version = api_version(request)
        partition = partition_of(request)
        thread_id = require_thread_id(request.path_params["thread_id"])
        raw = await read_body(request)
        change = validate(MetadataChange if version == "v1" else ThreadChange, parse_object(raw))
        values = change.model_dump(exclude_unset=True)

        def work(connection: Connection) -> Outcome:
            found = _find_thread(connection, partition, thread_id, lock=True)
            row = found | values
            if values:
                statement = update(threads).where(threads.c.position == row["position"])
                connection.execute(statement.values(**values))
                owner = index.owner_of(THREAD, row["position"])
                index.retitle(connection, partition, owner, found["metadata"], row["metadata"])
            return Outcome(thread_object(row), thread_id)

        return await self.keys.write_once(request, raw, work)

    async def delete(self, request: Request) -> Response:
        """Erase a thread and its messages. Its row stays, marked as deleted.

        Many messages are erased after the reply; see `large_deletion`.
        """
        api_version(request)
        partition = partition_of(request)
        thread_id = require_thread_id(request.path_params["thread_id"])

        def work(connection: Connection) -> bool:
            row = _find_thread(connection, partition, thread_id, lock=True)
            if is_large(row["next_position"]):
                self.large.begin(connection, partition, thread_id, self.clock.unix_s())
                return True
            owners.remove_owner(connection, index.owner_of(THREAD, row["position"]))
            connection.execute(delete(messages).where(messages.c.thread == row["position"]))
            statement = update(threads).where(threads.c.position == row["position"])
            contents = ("metadata", "imported_metadata", "tool_resources")
            erased = dict.fromkeys(contents) | {"deleted_at": self.clock.unix_s()}
            connection.execute(statement.values(**erased))
            erase_replies(connection, partition, thread_id)
            return False

        await self.large.write(self.database, work, turn_of(request))
        return reply({"id": thread_id, "object": "thread.deleted", "deleted": True})
