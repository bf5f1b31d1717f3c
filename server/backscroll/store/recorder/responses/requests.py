"""`POST /v1/responses`: answered by the model server, and recorded."""

import asyncio
from http import HTTPStatus
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import bindparam, select
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Send

from backscroll.database.faults import StoreError
from backscroll.database.json_text import dump_json
from backscroll.database.response_schema import responses
from backscroll.store.api_errors import ApiError, invalid_value
from backscroll.store.archive.records import ImportedResponse
from backscroll.store.archive.responses import prepare_response
from backscroll.store.bodies import MetadataChange
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.asked import Asked, read_asked
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.recorder.relaying.exchange import Relayed, exchange
from backscroll.store.recorder.relaying.forwarding import Forwarding
from backscroll.store.recorder.replaying import REPLAYED, recorded_answer
from backscroll.store.recorder.responses.background.beginning import Background, check_background
from backscroll.store.recorder.responses.context import ResponseContext
from backscroll.store.recorder.responses.history import (
    Continued,
    continued_by,
    input_items,
    read_continued,
    resolved,
)
from backscroll.store.recorder.responses.recording import ResponseRecording
from backscroll.store.responses import stored_response
from backscroll.store.validation import validate

_STATE: Final = frozenset({"previous_response_id", "conversation"})
"""Parameters that name something that the store has, and a stateless server has not."""

_SHORT: Final = 65_536
"""A request with fewer bytes is checked at once, because waking a thread takes longer."""

_living: Final = select(responses.c.id).where(
    responses.c.partition == bindparam("within"),
    responses.c.id == bindparam("response_id"),
    responses.c.deleted_at.is_(None),
)


class ResponseRequests(Struct, frozen=True):
    """Forwards requests for responses, and records the answers.

    Attributes:
        forwarding: sends requests to the model server.
        keeping: writes the records.
        background: runs responses that no caller waits for.
    """

    forwarding: Forwarding
    keeping: Keeping
    background: Background

    async def create(self, request: Request) -> Response:
        """Return a response that passes on what the model server answers."""
        caller_s = self.forwarding.server.caller_s
        return Relayed(lambda send: self._create(request, send), caller_s)

    async def _create(self, request: Request, send: Send) -> None:
        asked = await read_asked(request, self.keeping, stores_by_default=True)
        given = input_items(asked.body)
        runs_here = self.forwarding.server.state == "store" and asked.body.get("background") is True
        if runs_here:
            check_background(asked)
        if asked.is_kept:
            await _check(asked, given)
            await self.keeping.check()
        with self.keeping.claimed(asked.keyed):
            recorded = await recorded_answer(self.keeping, asked, stored_response)
            if recorded is None and not runs_here:
                await self._exchange(asked, given, send)
                return
            begun = None
            if recorded is None:
                content, context = await self._resolved(asked, given)
                begun = await self.background.begin(asked, content, context)
        if begun is not None:
            await self.background.reply(send, asked, begun)
        elif recorded is not None:
            await self.background.reply(send, asked, recorded, REPLAYED)

    async def _exchange(self, asked: Asked, given: list[JSON], send: Send) -> None:
        if self.forwarding.server.state == "upstream":
            content = asked.content
            is_whole = not continued_by(asked.body)
            context = ResponseContext(given=given, is_whole=is_whole, keeps_ids=True)
        else:
            content, context = await self._resolved(asked, given)
        recording = ResponseRecording(asked, self.keeping, context, self.background.history)
        await exchange(self.forwarding, recording, asked.request, content, send)

    async def _resolved(self, asked: Asked, given: list[JSON]) -> tuple[bytes, ResponseContext]:
        """Return the body for a stateless server, and what the store keeps instead of it.

        Raises:
            ApiError: 400 or 404 if the request continues something that the store does not have.
        """
        body, database = asked.body, self.keeping.database
        continued = continued_by(body)
        earlier = await read_continued(database, asked.partition, continued)
        sent = await resolved(database, asked.partition, given)
        fields = _told(body, continued)
        stored, continues = 0, None
        if asked.is_kept and not continued:
            continues, stored = await self._replayed(asked.partition, given)
        context = ResponseContext(
            given=given,
            stored=stored,
            continues=continues,
            conversation_id=continued.conversation_id if asked.is_kept else None,
            fields=fields,
            is_whole=not continued,
        )
        if not fields and sent is given:
            return asked.content, context
        kept = {name: value for name, value in body.items() if name not in {*fields, *_STATE}}
        if "background" in fields:
            kept["stream"] = True
        if earlier or sent is not given:
            kept["input"] = [*earlier, *sent]
        content = dump_json(kept).encode(errors="surrogatepass")
        limit = self.forwarding.server.request_bytes
        if len(content) > limit:
            message = f"The request and the turns that it continues have more than {limit} bytes."
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code="request_too_large")
        return content, context

    async def _replayed(self, partition: str, given: list[JSON]) -> tuple[str | None, int]:
        """Return the response whose history the caller sent again, and its number of items."""
        found, count = self.background.history.found(partition, given)
        if found is None:
            return None, 0
        bound = {"within": partition, "response_id": found}
        is_living = await self.keeping.database.read(
            lambda connection: connection.scalar(_living, bound)
        )
        return (found, count) if is_living else (None, 0)


def _told(body: JSON, continued: Continued) -> dict[str, Any]:
    """Return the fields of the response that the model server is not told of."""
    fields: dict[str, Any] = {}
    if body.get("store") is True:
        fields["store"] = True
    if body.get("background") is True:
        fields |= {"background": True, "store": True}
    if continued.previous_response_id is not None:
        fields["previous_response_id"] = continued.previous_response_id
    if continued.conversation_id is not None:
        fields["conversation"] = {"id": continued.conversation_id}
    return fields


async def _check(asked: Asked, given: list[JSON]) -> None:
    """Check that a request can be recorded, before it is sent up.

    Raises:
        ApiError: 400 if it cannot.
    """
    validate(MetadataChange, {"metadata": asked.body.get("metadata")})
    trial = ImportedResponse(key=None, created_at=0, input=given, output=())
    try:
        if len(asked.content) < _SHORT:
            prepare_response(trial)
        else:
            await asyncio.to_thread(prepare_response, trial)
    except StoreError as error:
        message = f"The input cannot be recorded: {error}. Change it, or send 'store: false'."
        raise invalid_value("input", message) from None
