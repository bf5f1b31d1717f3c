"""Endpoints that list, get and delete responses, and list their input.

Responses are imported, or created by a model server that the recorder forwards to: the store itself
has no model. OpenAI's API cannot list responses, so the list follows Azure AI Foundry's
`GET /responses`.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select, update
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.database.response_schema import response_items, responses
from backscroll.store.abridged import (
    light_rows,
    preview_of,
    shortened,
    shortened_objects,
    shortened_page,
)
from backscroll.store.api_errors import ApiError, no_model, not_served
from backscroll.store.clock import Clock
from backscroll.store.conversation_object import item_object
from backscroll.store.envelopes import JSON, list_reply, partition_of, reply, turn_of
from backscroll.store.idempotency import erase_replies
from backscroll.store.input_items import ITEMS, read_input
from backscroll.store.paging import Listing, by_id, fetch_page, read_page_query
from backscroll.store.response_object import response_object
from backscroll.store.search import index, owners
from backscroll.store.search.texts import RESPONSE

_TOGETHER: Final = 10
"""The maximum number of responses whose output one statement reads."""

_living: Final = select(responses).where(
    responses.c.partition == bindparam("within"), responses.c.deleted_at.is_(None)
)
_find: Final = _living.where(responses.c.id == bindparam("response_id"))
_lock: Final = _find.with_for_update()
_output: Final = (
    select(response_items)
    .where(
        response_items.c.response.in_(bindparam("of", expanding=True)),
        response_items.c.is_output,
        response_items.c.body.is_not(None),
    )
    .order_by(response_items.c.response, response_items.c.position)
)


@lru_cache(maxsize=2)
def _listing(*, of_conversation: bool) -> Listing:
    """Return the list of all responses, or of those of one conversation."""
    rows = _living
    if of_conversation:
        rows = rows.where(responses.c.conversation_id == bindparam("conversation_id"))
    return Listing("response", rows, responses.c.position, by_id(responses))


def _find_response(
    connection: Connection, partition: str, response_id: str, *, lock: bool = False
) -> JSON:
    bound = {"within": partition, "response_id": response_id}
    row = connection.execute(_lock if lock else _find, bound).one_or_none()
    if row is None:
        raise _not_found(response_id)
    return row._asdict()


def _not_found(response_id: str) -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, f"Response with id '{response_id}' not found.")


def _objects(connection: Connection, rows: Sequence[JSON]) -> Iterator[JSON]:
    """Yield the objects of responses. Read the output of `_TOGETHER` responses at a time."""
    for at in range(0, len(rows), _TOGETHER):
        these = rows[at : at + _TOGETHER]
        output: dict[int, list[JSON]] = {row["position"]: [] for row in these}
        for item in connection.execute(_output, {"of": list(output)}):
            output[item.response].append(item_object(item._asdict()))
        for row in these:
            yield response_object(row, output[row["position"]])


def stored_response(connection: Connection, partition: str, response_id: str) -> JSON:
    """Return the API's object for a response, with its output.

    Raises:
        ApiError: 404 if it does not exist or was deleted.
    """
    row = _find_response(connection, partition, response_id)
    return next(_objects(connection, [row]))


def asks_for_stream(request: Request) -> bool:
    """Return whether a request for a stored response asks for its events."""
    return request.query_params.get("stream", "").lower() in {"true", "1"}


class ResponseEndpoints(Struct, frozen=True):
    """The endpoints under `/responses`."""

    database: Database
    clock: Clock

    async def create(self, _request: Request) -> Response:
        """Reply 501, because the store has no model."""
        raise no_model("create responses")

    async def cancel(self, _request: Request) -> Response:
        """Reply 501: without a model, no response is in progress."""
        raise no_model("run or cancel responses")

    async def count_tokens(self, _request: Request) -> Response:
        """Reply 501, because models count tokens differently."""
        raise no_model("count input tokens")

    async def compact(self, _request: Request) -> Response:
        """Reply 501, because a model writes the summary."""
        raise no_model("compact a response")

    async def page(self, request: Request) -> Response:
        """Return one page of responses with their output, newest first by default."""
        query = read_page_query(request.query_params, "desc")
        preview = preview_of(request.query_params)
        bound = {"within": partition_of(request)}
        conversation_id = request.query_params.get("conversation_id")
        if conversation_id:
            bound["conversation_id"] = conversation_id
        listing = _listing(of_conversation=bool(conversation_id))

        def read(connection: Connection) -> tuple[list[JSON], bool]:
            page = fetch_page(connection, listing, query, bound)
            if preview is None:
                return list(_objects(connection, page.rows)), page.has_more
            rows = page.rows[::-1] if query.backwards else page.rows
            data, is_whole = shortened_objects(_objects(connection, rows), preview)
            in_order = data[::-1] if query.backwards else data
            return in_order, page.has_more or not is_whole

        data, has_more = await self.database.read(read, large=preview is not None)
        return list_reply(data, has_more=has_more)

    async def get(self, request: Request) -> Response:
        """Return one response, with shortened content if the request has `abridged`."""
        partition, response_id = partition_of(request), request.path_params["response_id"]

        preview = preview_of(request.query_params)
        found = await self.database.read(
            lambda connection: stored_response(connection, partition, response_id)
        )
        if asks_for_stream(request):
            reason = (
                "this store keeps responses, but not the events of a stream. Retrieve the response "
                "without 'stream'."
            )
            raise not_served(reason, param="stream")
        return reply(found if preview is None else shortened(found, preview))

    async def delete(self, request: Request) -> Response:
        """Erase a response and the content of its items. Later responses of its chain stay."""
        partition, response_id = partition_of(request), request.path_params["response_id"]

        def work(connection: Connection) -> None:
            position = _find_response(connection, partition, response_id, lock=True)["position"]
            owners.remove_owner(connection, index.owner_of(RESPONSE, position))
            of_response = response_items.c.response == position
            connection.execute(update(response_items).where(of_response).values(body=None))
            erased = dict.fromkeys(("metadata", "fields", "conversation_id"))
            changed = update(responses).where(responses.c.position == position)
            connection.execute(changed.values(**erased, deleted_at=self.clock.unix_s()))
            erase_replies(connection, partition, response_id)

        await self.database.write(work, turn_of(request))
        return reply({"id": response_id, "object": "response.deleted", "deleted": True})

    async def input_items(self, request: Request) -> Response:
        """Return one page of the history and the input of a response, newest first by default."""
        partition, response_id = partition_of(request), request.path_params["response_id"]
        query = read_page_query(request.query_params, "desc")
        preview = preview_of(request.query_params)
        rows = ITEMS.rows if preview is None else light_rows(ITEMS)
        page = await self.database.read(
            lambda connection: read_input(connection, partition, response_id, query, rows)
        )
        if page is None:
            raise _not_found(response_id)
        if preview is not None:
            page = await shortened_page(
                self.database, ITEMS, page, preview, backwards=query.backwards
            )
        return list_reply([item_object(row) for row in page.rows], has_more=page.has_more)
