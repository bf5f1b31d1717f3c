"""Passes a stream on as it comes, and records the answer before its last bytes are let go.

So a caller that has seen the end of a stream can read the answer back, even if the recorder is
killed right afterwards. Only whole lines are passed on, and the name of an event only with its
data, so that a stream that is cut off can still be ended with an event. The first event waits until
the answer's id is known.
"""

import asyncio
import re
from contextlib import aclosing
from typing import Final

import httpx2
from starlette.types import Send

from backscroll.store.api_errors import ApiError
from backscroll.store.database_failures import FAILURES, failure_reply
from backscroll.store.recorder.answer_log import NOT_RECORDED
from backscroll.store.recorder.assembling.assembly import Assembled
from backscroll.store.recorder.assembling.rewriting import EventRewriter
from backscroll.store.recorder.assembling.sse_events import MAX_EVENT_BYTES
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.recording import Recording
from backscroll.store.recorder.relaying.forwarding import cut_off, failure, too_large, too_slow
from backscroll.store.recorder.relaying.headers import downward
from backscroll.store.recorder.relaying.joining import joined
from backscroll.store.recorder.relaying.key_redaction import lines_without_key

_EVENTS: Final = "text/event-stream"

_EVENTS_WITHOUT_ID: Final = 2
"""The number of events that wait for an id. Azure's first event has none."""

_NUMBER: Final = re.compile(rb'"sequence_number"\s*:\s*([0-9]{1,15})')


_NAMES: Final = re.compile(rb"(?:(?<=[\r\n])|\A)(?:(?:event|id|retry):[^\r\n]*(?:\r\n|\n|\r))+\Z")
"""The last lines, if they only name an event whose data is still to come."""


def is_stream(answer: httpx2.Response) -> bool:
    """Return whether an answer succeeds, and is a stream of events."""
    media_type = answer.headers.get("content-type", "").lower()
    return answer.is_success and media_type.startswith(_EVENTS)


class StreamRelay:
    """Passes one stream on.

    Args:
        answer: the model server's answer, whose body is a stream of events.
        recording: how it is recorded.
        send: sends to the caller.
        server: the model server, with the limits of an answer.
    """

    def __init__(
        self, answer: httpx2.Response, recording: Recording, send: Send, server: ModelServer
    ) -> None:
        self._answer = answer
        self._recording = recording
        self._send = send
        self._server = server
        self._assembly = recording.assembly()
        self._rewriter: EventRewriter | None = None
        self._is_identified = False
        self._is_started = False
        self._held = bytearray()
        self._received = 0
        self._next_number = 0
        self._keeping: asyncio.Task[None] | None = None

    @property
    def is_recording(self) -> bool:
        """Whether the answer is being recorded, or was."""
        return self._keeping is not None

    async def run(self) -> None:
        """Pass the stream on to its end, and record it.

        Raises:
            ApiError: the stream failed before anything was passed on.
        """
        error: ApiError | None = None
        try:
            async with asyncio.timeout(self._server.answer_s) as limit:
                async with aclosing(joined(self._answer.aiter_bytes())) as pieces:
                    async for data in lines_without_key(pieces, self._server.key):
                        error = await self._pass(data, limit)
                        if error is not None:
                            break
        except httpx2.HTTPError as failed:
            error = None if self._assembly.ended else failure(failed)
        except TimeoutError:
            error = None if self._assembly.ended else too_slow()
        except FAILURES as failed:
            error = self._not_recorded(failed)
        await self._end(error)

    async def abandon(self, *, is_gone: bool) -> None:
        """Record what the caller got, because it disconnected or the recorder is stopped.

        Args:
            is_gone: whether the caller disconnected.
        """
        if self._keeping is None:
            assembled = self._assembly.finish()
            self._keeping = asyncio.create_task(self._recording.keep(assembled, is_gone=is_gone))
        try:
            await self._keeping
        except FAILURES as failed:
            self._not_recorded(failed)

    async def _pass(self, data: bytes, limit: asyncio.Timeout) -> ApiError | None:
        """Pass bytes on. Return an error if the stream must end here."""
        had_ended = self._assembly.ended
        self._received += len(data)
        self._assembly.feed(data)
        before_end = self._assembly.before_end
        await self._let_go(data[:before_end])
        if self._assembly.ended and not had_ended:
            limit.reschedule(None)  # a record is never given up halfway
            error = await self._keep(self._assembly.finish())
            if error is not None:
                return error
        await self._let_go(data[before_end:])
        if self._assembly.ended and not had_ended:  # now, because a caller may read slowly
            limit.reschedule(asyncio.get_running_loop().time() + self._server.after_end_s)
        is_too_large = self._rewriter is not None and self._rewriter.is_too_large
        if is_too_large or len(self._held) > MAX_EVENT_BYTES:
            return too_large(MAX_EVENT_BYTES)
        if self._received > self._server.answer_bytes:
            return too_large(self._server.answer_bytes)
        return None

    async def _let_go(self, data: bytes) -> None:
        """Send the whole lines of what was received, unless the answer's id is not known yet."""
        if not self._is_identified:
            data = bytes(self._held) + data
            self._held.clear()
            has_event = b"data:" in data
            if has_event and not self._may_identify(data):
                self._held += data
                return
            if has_event or self._assembly.ended:
                change = await self._recording.identify(self._assembly.id)
                self._rewriter = None if change is None else EventRewriter(change)
                self._is_identified = True
        await self._send_body(self._whole_lines(data))

    def _may_identify(self, data: bytes) -> bool:
        is_known = self._assembly.id is not None or self._assembly.ended
        return is_known or data.count(b"data:") > _EVENTS_WITHOUT_ID

    def _whole_lines(self, data: bytes) -> bytes:
        """Return the lines that end in `data`, and hold the rest back."""
        if self._rewriter is not None:
            data = self._rewriter.feed(data)
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end:
            self._held += data
            return b""
        lines = bytes(self._held) + data[:end]
        names = _NAMES.search(lines, max(lines.rfind(b"\n\n"), 0))  # a blank line ends an event
        sent = len(lines) if names is None else names.start()
        self._held[:] = lines[sent:] + data[end:]
        return lines[:sent]

    async def _send_body(self, data: bytes, *, more: bool = True) -> None:
        if not data and more:
            return
        if not self._is_started:
            self._is_started = True
            status, headers = self._answer.status_code, self._answer.headers.raw
            start = {"type": "http.response.start", "status": status}
            await self._send({**start, "headers": downward(headers, is_read=True)})
        for number in _NUMBER.finditer(data):
            self._next_number = int(number[1]) + 1
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def _keep(self, assembled: Assembled) -> ApiError | None:
        """Record the answer. Return an error if it cannot be recorded."""
        self._keeping = asyncio.create_task(self._recording.keep(assembled))
        try:
            await asyncio.shield(self._keeping)
        except FAILURES as failed:
            return self._not_recorded(failed)
        return None

    def _not_recorded(self, failed: Exception) -> ApiError:
        """Log that the answer cannot be recorded, and return the error for the caller."""
        self._recording.failed(NOT_RECORDED)
        return failure_reply(failed)

    async def _end(self, error: ApiError | None) -> None:
        """Record the answer if it was not recorded yet, and end the stream."""
        assembled = self._assembly.finish()
        if self._keeping is None:
            error = await self._keep(assembled) or error
            if not assembled.complete and assembled.error is None:
                error = error or cut_off()
        if error is None:
            await self._let_go(b"")
            rest = b"" if self._rewriter is None else self._rewriter.finish()
            await self._send_body(bytes(self._held) + rest)
        elif not self._is_started:
            raise error
        else:
            ending = self._recording.ending(assembled, error, self._next_number)
            await self._send_body(b"\n" + ending)
        await self._send_body(b"", more=False)
