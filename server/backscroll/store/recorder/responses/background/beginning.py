"""Begins a response in the background, and answers the request that asks for it."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection
from starlette.types import Send

from backscroll.database.faults import CommitUnknownError
from backscroll.store.api_errors import invalid_value
from backscroll.store.archive.records import ImportedResponse
from backscroll.store.archive.responses import prepare_response, write_response
from backscroll.store.envelopes import JSON
from backscroll.store.ids import new_response_id
from backscroll.store.keyed_requests import in_use
from backscroll.store.recorder.asked import Asked
from backscroll.store.recorder.assembling.response_stream import UNFINISHED
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.recorder.relaying.forwarding import Forwarding
from backscroll.store.recorder.replaying import Headers, replay
from backscroll.store.recorder.responses.background import run_rows
from backscroll.store.recorder.responses.background.following import follow
from backscroll.store.recorder.responses.background.run import Run
from backscroll.store.recorder.responses.background.runs import Runs
from backscroll.store.recorder.responses.context import ResponseContext, echoed
from backscroll.store.recorder.responses.events import response_events
from backscroll.store.recorder.responses.recording import ResponseRecording
from backscroll.store.recorder.responses.replayed_history import ReplayedHistory
from backscroll.store.response_object import response_object


def check_background(asked: Asked) -> None:
    """Check that a response in the background is kept, because it is read back later.

    Raises:
        ApiError: 400 if it is not.
    """
    if asked.body.get("store") is False:
        message = "'background' needs 'store': leave 'store: false' out."
    elif not asked.is_kept:
        message = "'background' needs a recorder that keeps responses: BACKSCROLL_RECORD is none."
    else:
        return
    raise invalid_value("background", message, code="unsupported_parameter")


class Background(Struct, frozen=True):
    """Begins responses in the background.

    Attributes:
        forwarding: sends requests to the model server.
        keeping: writes the records.
        history: the histories of recent responses.
        runs: the responses that run.
    """

    forwarding: Forwarding
    keeping: Keeping
    history: ReplayedHistory
    runs: Runs

    async def begin(self, asked: Asked, content: bytes, context: ResponseContext) -> JSON:
        """Write the record of a response that has not begun, begin it, and return its object.

        An idempotency key of the request is kept with the record, so that a retry gets this
        response, whatever becomes of it.

        Args:
            asked: the request.
            content: the body to send to the model server.
            context: what the response continues.

        Raises:
            ApiError: 429 if too many run.
            NothingWrittenError: nothing was written.
            CommitUnknownError: it is not known whether the record was written.
        """
        key = (asked.partition, new_response_id())
        with self.runs.beginning():
            record = self._record(key[1], asked, context)
            prepared = await asyncio.to_thread(prepare_response, record)

            def write(connection: Connection) -> None:
                write_response(connection, key[0], prepared)

            try:
                await self.keeping.write(write, asked.keyed, key[1])
            except (CommitUnknownError, asyncio.CancelledError):
                self.runs.give_up(key)
                raise
            begun = {**response_object(prepared.row, []), "status": "queued"}
            context = replace(
                context,
                begun=key[1],
                complete=partial(run_rows.complete, key=key, process=self.runs.process),
                fields={**context.fields, "created_at": record.created_at},
            )
            recording = ResponseRecording(asked, self.keeping, context, self.history)

            def answer(run: Run) -> Coroutine[Any, Any, JSON]:
                return run.answer(self.forwarding, recording, asked.request, content)

            self.runs.start(key, begun, answer)
        return begun

    async def reply(self, send: Send, asked: Asked, recorded: JSON, headers: Headers = ()) -> None:
        """Answer a request with its response, which may still run.

        Args:
            send: sends to the caller.
            asked: the request.
            recorded: the response, as it is in the database.
            headers: further headers.

        Raises:
            ApiError: 409 if the caller asks for the events of a response that another process runs.
        """
        run = self.runs.found((asked.partition, recorded["id"]))
        if asked.streams and run is not None and run.events.has(-1):
            await follow(send, asked.request, run.events, -1, headers)
            return
        if asked.streams and recorded.get("status") in UNFINISHED:
            raise in_use()
        await replay(send, recorded, response_events(asked, recorded), headers)

    def _record(self, response_id: str, asked: Asked, context: ResponseContext) -> ImportedResponse:
        return ImportedResponse(
            key=run_rows.mark(self.runs.process, 0, response_id),
            id=response_id,
            created_at=self.keeping.clock.unix_s(),
            input=context.given[context.stored :],
            output=(),
            metadata=asked.body.get("metadata") or {},
            fields={**echoed(asked.body), **context.fields, "status": "in_progress"},
            continues=context.continues,
        )
