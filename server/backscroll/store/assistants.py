"""Endpoints that create, list, get, modify and delete assistants.

The store keeps assistants, but has no model to run them. Clients of the Assistants API create or
retrieve an assistant before they use threads. The `OpenAI-Beta` header is not required, and the
objects are those of version 2 of the API, whatever version the header names.
"""

from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, ScalarSelect, bindparam, insert, select, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.locks import lock_list
from backscroll.database.port import Database
from backscroll.database.schema import assistants
from backscroll.store.api_errors import not_found
from backscroll.store.assistant_bodies import Assistant, AssistantChange
from backscroll.store.clock import Clock
from backscroll.store.envelopes import JSON, list_reply, partition_of, reply, turn_of
from backscroll.store.idempotency import IdempotencyKeys, Outcome, erase_replies
from backscroll.store.ids import new_assistant_id, require_assistant_id
from backscroll.store.paging import Listing, fetch_page, read_page_query
from backscroll.store.request_body import parse_object, read_body
from backscroll.store.validation import validate

_DEFAULTS: Final[JSON] = {
    "name": None,
    "description": None,
    "instructions": None,
    "tools": [],
    "tool_resources": {},
    "temperature": 1.0,
    "top_p": 1.0,
    "response_format": "auto",
}

_living: Final = select(assistants).where(
    assistants.c.partition == bindparam("within"), assistants.c.deleted_at.is_(None)
)
_find: Final = _living.where(assistants.c.id == bindparam("assistant_id"))
_lock: Final = _find.with_for_update()
_cursor_rows: Final = assistants.alias()


def _cursor(name: str) -> ScalarSelect[int]:
    found = select(_cursor_rows.c.position).where(
        _cursor_rows.c.partition == bindparam("within"), _cursor_rows.c.id == bindparam(name)
    )
    return found.scalar_subquery()


_all_assistants: Final = Listing("assistant", _living, assistants.c.position, _cursor)


def _find_assistant(
    connection: Connection, partition: str, assistant_id: str, *, lock: bool = False
) -> JSON:
    bound = {"within": partition, "assistant_id": assistant_id}
    row = connection.execute(_lock if lock else _find, bound).one_or_none()
    if row is None:
        raise not_found("assistant", assistant_id)
    return row._asdict()


def _assistant_object(row: JSON) -> JSON:
    given = {name: value for name, value in row["fields"].items() if value is not None}
    known = {"id": row["id"], "object": "assistant", "created_at": row["created_at"]}
    return known | _DEFAULTS | given | {"metadata": row["metadata"] or {}}


class AssistantEndpoints(Struct, frozen=True):
    """The endpoints at `/assistants` and `/assistants/{assistant_id}`."""

    database: Database
    keys: IdempotencyKeys
    clock: Clock

    async def create(self, request: Request) -> Response:
        """Create an assistant. It can name any model, because the store has none."""
        partition = partition_of(request)
        raw = await read_body(request)
        fields = parse_object(raw)
        validate(Assistant, fields)
        metadata = fields.pop("metadata", None)

        def work(connection: Connection) -> Outcome:
            row: JSON = {
                "partition": partition,
                "id": new_assistant_id(),
                "created_at": self.clock.unix_s(),
                "metadata": metadata,
                "fields": fields,
            }
            lock_list(connection, assistants, partition)
            connection.execute(insert(assistants), row)
            return Outcome(_assistant_object(row), row["id"])

        return await self.keys.write_once(request, raw, work)

    async def page(self, request: Request) -> Response:
        """Return one page of assistants, newest first by default."""
        query = read_page_query(request.query_params, "desc")
        bound = {"within": partition_of(request)}
        page = await self.database.read(
            lambda connection: fetch_page(connection, _all_assistants, query, bound)
        )
        return list_reply([_assistant_object(row) for row in page.rows], has_more=page.has_more)

    async def get(self, request: Request) -> Response:
        """Return one assistant."""
        partition = partition_of(request)
        assistant_id = require_assistant_id(request.path_params["assistant_id"])
        row = await self.database.read(
            lambda connection: _find_assistant(connection, partition, assistant_id)
        )
        return reply(_assistant_object(row))

    async def modify(self, request: Request) -> Response:
        """Replace each field of an assistant that the body has. Keep the fields that it omits."""
        partition = partition_of(request)
        assistant_id = require_assistant_id(request.path_params["assistant_id"])
        raw = await read_body(request)
        changes = parse_object(raw)
        validate(AssistantChange, changes)
        replaced = {"metadata": changes.pop("metadata")} if "metadata" in changes else {}

        def work(connection: Connection) -> Outcome:
            row = _find_assistant(connection, partition, assistant_id, lock=True)
            values = {"fields": row["fields"] | changes} | replaced
            this = assistants.c.position == row["position"]
            connection.execute(update(assistants).where(this).values(**values))
            return Outcome(_assistant_object(row | values), assistant_id)

        return await self.keys.write_once(request, raw, work)

    async def delete(self, request: Request) -> Response:
        """Erase an assistant. Its row stays, marked as deleted."""
        partition = partition_of(request)
        assistant_id = require_assistant_id(request.path_params["assistant_id"])

        def work(connection: Connection) -> None:
            row = _find_assistant(connection, partition, assistant_id, lock=True)
            erased = {"fields": None, "metadata": None, "deleted_at": self.clock.unix_s()}
            this = assistants.c.position == row["position"]
            connection.execute(update(assistants).where(this).values(**erased))
            erase_replies(connection, partition, assistant_id)

        await self.database.write(work, turn_of(request))
        return reply({"id": assistant_id, "object": "assistant.deleted", "deleted": True})
