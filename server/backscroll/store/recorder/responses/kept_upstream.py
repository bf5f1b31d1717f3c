"""Responses that the model server keeps itself (`--state upstream`), of which the store has copies.

The model server answers first, because only it knows how a response in the background goes on. What
it no longer has, or never serves, is answered with the copy. A copy of a response that was still
running is replaced once the model server says that it has ended.
"""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import httpx2
from msgspec import Struct
from sqlalchemy import Connection, bindparam, delete, select
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.database.response_schema import response_items, responses
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.records import ImportedResponse
from backscroll.store.archive.responses import prepare_response, write_response
from backscroll.store.envelopes import JSON, partition_of
from backscroll.store.input_items import own_input
from backscroll.store.recorder.assembling.lenient_json import parse_object
from backscroll.store.recorder.assembling.response_stream import UNFINISHED
from backscroll.store.recorder.relaying.exchange import Relayed
from backscroll.store.recorder.relaying.forwarding import Forwarding, not_json
from backscroll.store.recorder.relaying.headers import downward
from backscroll.store.recorder.relaying.passing import pass_on
from backscroll.store.recorder.relaying.whole_relay import read_whole, send_whole
from backscroll.store.recorder.responses.context import COLUMNS
from backscroll.store.recorder.responses.output_items import complete_output
from backscroll.store.responses import ResponseEndpoints, asks_for_stream
from backscroll.store.search import index, owners
from backscroll.store.search.texts import RESPONSE

_NOT_THERE: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)

_find: Final = select(responses).where(
    responses.c.partition == bindparam("within"),
    responses.c.id == bindparam("response_id"),
    responses.c.deleted_at.is_(None),
)

Handler = Callable[[Request], Awaitable[Response]]


class KeptUpstream(Struct, frozen=True):
    """The endpoints of single responses, which the model server answers first.

    Attributes:
        forwarding: sends requests to the model server.
        database: the store's database.
        copies: the store's own endpoints.
    """

    forwarding: Forwarding
    database: Database
    copies: ResponseEndpoints

    async def get(self, request: Request) -> Response:
        """Return a response, or pass the stream of a response in the background on."""
        if asks_for_stream(request):
            return await pass_on(self.forwarding, request)
        return await self._first(request, self.copies.get, refreshes=True)

    async def cancel(self, request: Request) -> Response:
        """Cancel a response in the background."""
        return await self._first(request, None, refreshes=True)

    async def input_items(self, request: Request) -> Response:
        """Return one page of the input of a response."""
        return await self._first(request, self.copies.input_items)

    async def delete(self, request: Request) -> Response:
        """Delete a response from the model server, and its copy."""
        reply = await self._first(request, self.copies.delete)
        try:
            await self.copies.delete(request)
        except ApiError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        return reply

    async def _first(
        self, request: Request, copy: Handler | None, *, refreshes: bool = False
    ) -> Response:
        """Return the model server's answer; or the copy, if the server does not have it."""
        content = await request.body() or None
        answer = await self.forwarding.sent(request, content, is_read=True)
        try:
            body = await read_whole(answer, self.forwarding.server)
        finally:
            await answer.aclose()
        if answer.status_code in _NOT_THERE and copy is not None:
            return await copy(request)
        found = parse_object(body)
        if body and found is None:
            raise not_json(answer.status_code)
        if refreshes and answer.is_success and found and found.get("status") not in UNFINISHED:
            await self._refresh(request, found)
        return _passed(answer, body, self.forwarding.server.caller_s)

    async def _refresh(self, request: Request, found: JSON) -> None:
        partition, response_id = partition_of(request), request.path_params["response_id"]
        bound = {"within": partition, "response_id": response_id}

        def is_running(connection: Connection) -> bool:
            row = connection.execute(_find, bound).one_or_none()
            return row is not None and row.fields.get("status") in UNFINISHED

        def replace(connection: Connection) -> None:
            row = connection.execute(_find.with_for_update(), bound).one_or_none()
            if row is not None and row.fields.get("status") in UNFINISHED:
                _replace(connection, row, found)

        if await self.database.read(is_running):
            await self.database.write(replace)


def _replace(connection: Connection, row: Any, found: JSON) -> None:  # noqa: ANN401 - a row of `responses`
    """Replace the copy of a response that was running by one of what it has become."""
    given = own_input(connection, row.position)
    new = ImportedResponse(
        key=None,
        id=row.id,
        created_at=row.created_at,
        input=given,
        output=complete_output(found.get("output"), lambda item_id: item_id),
        metadata=row.metadata,
        fields={**row.fields, **{k: each for k, each in found.items() if k not in COLUMNS}},
        continues=row.previous_response_id,
    )
    prepared = prepare_response(new)
    owners.remove_owner(connection, index.owner_of(RESPONSE, row.position))
    connection.execute(delete(response_items).where(response_items.c.response == row.position))
    connection.execute(delete(responses).where(responses.c.position == row.position))
    write_response(connection, row.partition, prepared)


def _passed(answer: httpx2.Response, body: bytes, caller_s: float) -> Response:
    headers = downward(answer.headers.raw, is_read=True)
    return Relayed(lambda send: send_whole(send, answer.status_code, headers, body), caller_s)
