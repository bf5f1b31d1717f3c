"""The endpoints of single responses that may run in the background."""

import re
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from backscroll.database.port import Database
from backscroll.store.abridged import preview_of
from backscroll.store.api_errors import invalid_value
from backscroll.store.envelopes import JSON, partition_of, reply
from backscroll.store.recorder.assembling.response_stream import UNFINISHED
from backscroll.store.recorder.relaying.exchange import Relayed
from backscroll.store.recorder.responses.background.following import follow
from backscroll.store.recorder.responses.background.run_rows import Key
from backscroll.store.recorder.responses.background.runs import Runs
from backscroll.store.recorder.responses.events import stream_of
from backscroll.store.responses import ResponseEndpoints, asks_for_stream, stored_response

_NUMBER: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


class RunningResponses(Struct, frozen=True):
    """Gets, cancels and deletes responses, of which some run.

    Attributes:
        runs: the responses that run.
        database: the store's database.
        stored: the store's own endpoints.
        caller_s: how long a caller may take nothing of a stream, in seconds.
    """

    runs: Runs
    database: Database
    stored: ResponseEndpoints
    caller_s: float

    async def get(self, request: Request) -> Response:
        """Return a response, as far as it is; or its events, if the request has `stream`.

        Raises:
            ApiError: 404 if there is no such response; 400 if its events are not kept.
        """
        if asks_for_stream(request):
            return await self._stream(request)
        run = self.runs.running(_key(request))
        if run is None or preview_of(request.query_params) is not None:
            return await self.stored.get(request)
        found = await self._found(request)
        return reply({**found, **run.progress()} if found.get("status") in UNFINISHED else found)

    async def cancel(self, request: Request) -> Response:
        """End a response that runs. What there is of its output is dropped.

        Raises:
            ApiError: 404 if there is no such response; 400 if it is not one in the background, or
                has ended otherwise.
        """
        found = await self._found(request)
        if found.get("background") is not True:
            message = "Only a response that runs in the background can be cancelled."
            raise invalid_value("response_id", message, code="not_cancellable")
        if found.get("status") in UNFINISHED:
            await self.runs.cancel(_key(request))
            found = await self._found(request)
        if found.get("status") != "cancelled":
            message = f"The response has ended already: its status is {found.get('status')}."
            raise invalid_value("response_id", message, code="not_cancellable")
        return reply(found)

    async def delete(self, request: Request) -> Response:
        """Erase a response that does not run.

        Raises:
            ApiError: 404 if there is no such response; 400 if it runs.
        """
        key = _key(request)
        if self.runs.running(key) is not None:
            message = "The response still runs. Cancel it first."
            raise invalid_value("response_id", message, code="response_in_progress")
        deleted = await self.stored.delete(request)
        self.runs.forget(key)
        return deleted

    async def _stream(self, request: Request) -> Response:
        after = _starting_after(request)
        found = await self._found(request)
        run = self.runs.found(_key(request))
        if run is not None and run.events.has(after):
            events = run.events
            return Relayed(lambda send: follow(send, request, events, after), self.caller_s)
        if found.get("status") in UNFINISHED:
            message = (
                "The events of this response are not kept here, because there are too many, or "
                "because another process runs it. Retrieve it without 'stream'."
            )
            raise invalid_value("stream", message, code="events_not_kept")
        return Response(stream_of(found, after), media_type="text/event-stream")

    async def _found(self, request: Request) -> JSON:
        key = _key(request)
        return await self.database.read(lambda connection: stored_response(connection, *key))


def _key(request: Request) -> Key:
    return partition_of(request), request.path_params["response_id"]


def _starting_after(request: Request) -> int:
    """Return the number of the last event that the caller has; -1 for none.

    Raises:
        ApiError: 400 if it is not an integer.
    """
    given = request.query_params.get("starting_after")
    if not given:
        return -1
    if not _NUMBER.fullmatch(given):
        message = "Invalid 'starting_after': expected an integer of at most 15 digits."
        raise invalid_value("starting_after", message)
    return int(given)
