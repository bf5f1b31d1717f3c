"""Records the answer to a request for a response."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, bindparam, select

from backscroll.database.faults import StoreError
from backscroll.database.response_schema import response_items, responses
from backscroll.store.api_errors import ApiError
from backscroll.store.archive.records import ImportedResponse
from backscroll.store.archive.responses import PreparedResponse, prepare_response, write_response
from backscroll.store.envelopes import JSON
from backscroll.store.ids import new_item_id, new_response_id
from backscroll.store.items import append_items, item_tokens
from backscroll.store.recorder.asked import Asked
from backscroll.store.recorder.assembling.assembly import Assembled, Assembly
from backscroll.store.recorder.assembling.response_stream import UNFINISHED, response_stream
from backscroll.store.recorder.assembling.rewriting import Change, response_change
from backscroll.store.recorder.assembling.whole import read_response
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.recorder.responses.context import COLUMNS, ResponseContext, echoed
from backscroll.store.recorder.responses.events import event_bytes
from backscroll.store.recorder.responses.output_items import complete_output
from backscroll.store.recorder.responses.replayed_history import ReplayedHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backscroll_tools.search.tokenizer import Tokens

_ids: Final = (
    select(response_items.c.id)
    .join(responses, responses.c.position == response_items.c.response)
    .where(
        responses.c.partition == bindparam("within"),
        response_items.c.id.in_(bindparam("ids", expanding=True)),
    )
)


class _EndedMeanwhileError(StoreError):
    """A response in the background was ended before its answer could be recorded."""


class ResponseRecording:
    """The answer to one request for a response, as `Recording` describes it.

    Args:
        asked: the request.
        keeping: writes the record.
        context: what the response continues.
        history: the histories of recent responses.
    """

    def __init__(
        self, asked: Asked, keeping: Keeping, context: ResponseContext, history: ReplayedHistory
    ) -> None:
        self.is_kept = asked.is_kept
        self.is_replayable = asked.keyed is not None
        self._asked = asked
        self._keeping = keeping
        self._context = context
        self._history = history
        self._id: str | None = None
        self._renames = False
        self._renamed: dict[str, str] = {}
        self._answering = keeping.log.begin("responses")

    def assembly(self) -> Assembly:
        """Return what assembles the response from its events."""
        return response_stream()

    def read(self, body: bytes) -> Assembled:
        """Return the response in a body."""
        return read_response(body)

    async def identify(self, given: str | None) -> Change | None:
        """Choose the response's id."""
        fields = dict(self._context.fields)
        if self._asked.is_kept:
            self._id = await self._chosen(given)
            if self._id != given:
                fields["id"] = self._id
                self._renames = True
        return response_change(fields, self._item_id) if fields else None

    async def keep(self, assembled: Assembled, *, is_gone: bool = False) -> None:
        """Record the response, if the caller got any of it."""
        found = assembled.object
        kept: str | None = None
        if self._id is not None and (found.get("status") or found.get("output")):
            try:
                kept = await self._write(self._id, assembled, is_gone=is_gone)
            except _EndedMeanwhileError:
                self.failed("cancelled")
                raise
        self._answering.ended(assembled, kept, is_gone=is_gone)

    def failed(self, outcome: str) -> None:
        """Log that there is no answer."""
        self._answering.failed(outcome)

    async def _write(self, response_id: str, assembled: Assembled, *, is_gone: bool) -> str | None:
        """Return the id; None if the record could not be written, and need not be."""
        response = self._response(response_id, assembled, is_gone=is_gone)
        is_whole = assembled.complete and not is_gone
        with self._keeping.writing():
            prepared = await asyncio.to_thread(prepare_response, response)
            added = self._added(response, assembled)
            tokens = await item_tokens(added)
            await self._keeping.write(
                lambda connection: self._insert(connection, prepared, added, tokens),
                self._asked.keyed if is_whole and self._context.begun is None else None,
                response_id,
            )
            if is_whole and self._context.is_whole:
                whole = [*self._context.given, *response.output]
                self._history.add(self._asked.partition, whole, response_id)
            return response_id
        return None

    def release(self) -> None:
        """Let the id be used by others again, if it was not recorded."""
        if self._id is not None:
            self._keeping.release(responses, self._asked.partition, self._id)

    def ending(self, assembled: Assembled, error: ApiError, sequence_number: int) -> bytes:
        """Return the event that ends a stream: `response.failed`, or `error` if it is the first."""
        if assembled.object.get("id") is None:
            event: JSON = {"type": "error", "code": error.code, "message": error.message}
            event["param"] = error.param
        else:
            failed = {
                **assembled.object,
                **self._context.fields,
                "id": self._id or assembled.object["id"],
                "status": "failed",
                "error": {"code": "server_error", "message": error.message},
                "incomplete_details": None,
            }
            event = {"type": "response.failed", "response": failed}
        return event_bytes(event, sequence_number)

    def _item_id(self, item_id: str) -> str:
        """Return the id that the caller gets for an output item.

        Where the ids of a server's responses repeat, those of its items do too.
        """
        if not self._renames:
            return item_id
        if item_id not in self._renamed:
            prefix = item_id.rpartition("_")[0] or "item"
            unique = new_response_id().removeprefix("resp_")
            self._renamed[item_id] = f"{prefix}_{unique}"
        return self._renamed[item_id]

    async def _chosen(self, given: str | None) -> str:
        if self._context.begun is not None:
            return self._context.begun
        if self._context.keeps_ids and given is not None:
            return given
        return await self._keeping.promise(
            responses, self._asked.partition, given, "resp", new_response_id
        )

    def _response(
        self, response_id: str, assembled: Assembled, *, is_gone: bool
    ) -> ImportedResponse:
        found, body = assembled.object, self._asked.body
        fields = echoed(body)
        fields |= {name: value for name, value in found.items() if name not in COLUMNS}
        fields |= {n: each for n, each in self._context.fields.items() if n not in COLUMNS}
        if fields.get("status") in UNFINISHED and not self._context.keeps_ids:
            fields["status"] = "completed"  # it has ended, and nobody would change it later
        if is_gone:
            reason = {"reason": "caller_disconnected"}
            fields |= {"status": "incomplete", "incomplete_details": reason}
        return ImportedResponse(
            key=None,
            id=response_id,
            created_at=self._keeping.created_at(found.get("created_at")),
            input=self._context.given[self._context.stored :],
            output=complete_output(found.get("output"), self._item_id),
            metadata=body.get("metadata") or {},
            fields=fields,
            continues=self._context.continues,
        )

    def _added(self, response: ImportedResponse, assembled: Assembled) -> list[JSON]:
        """Return the items to add to the conversation: none if the response failed."""
        status = assembled.object.get("status")
        is_added = assembled.complete and status in ("completed", "incomplete")
        if self._context.conversation_id is None or not is_added:
            return []
        items = [*response.input, *response.output]
        return [item for item in items if item.get("type") != "item_reference"]

    def _insert(
        self,
        connection: Connection,
        prepared: PreparedResponse,
        added: list[JSON],
        tokens: "Sequence[Tokens]",
    ) -> None:
        partition = self._asked.partition
        _renew_ids(connection, partition, prepared)
        if self._context.complete is not None:
            if not self._context.complete(connection, prepared):
                message = "cannot be recorded: the response was cancelled or deleted meanwhile"
                raise _EndedMeanwhileError(message)
        else:
            self._write_new(connection, prepared)
        if added:
            conversation_id = self._context.conversation_id or ""
            now_us = self._keeping.clock.unix_us()
            # A conversation may be deleted while the model answers. The response is kept anyway.
            with suppress(ApiError):
                append_items(connection, partition, conversation_id, added, now_us, tokens)

    def _write_new(self, connection: Connection, prepared: PreparedResponse) -> None:
        outcome = write_response(connection, self._asked.partition, prepared)
        if outcome.kind != "imported" and not self._context.keeps_ids:
            message = "cannot be recorded: another process has recorded its id"
            raise StoreError(message)


def _renew_ids(connection: Connection, partition: str, prepared: PreparedResponse) -> None:
    """Replace the ids of output items that other items have already.

    The ids of some servers repeat, and a chain shows items with the same id once.
    """
    output = [item for item in prepared.items if item["is_output"]]
    bound = {"within": partition, "ids": [item["id"] for item in output]}
    taken = set(connection.scalars(_ids, bound)) if output else set()
    for item in output:
        if item["id"] in taken:
            item["id"] = new_item_id(item["type"])
