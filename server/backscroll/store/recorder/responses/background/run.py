"""One response that runs in the background: the model server's answer, without a caller."""

import asyncio
from typing import Final

from msgspec import Struct, field
from starlette.requests import Request
from starlette.types import Message

from backscroll.store.api_errors import ApiError
from backscroll.store.archive.storable import storable
from backscroll.store.database_failures import FAILURES, failure_reply
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.answer_log import NOT_RECORDED, code_of
from backscroll.store.recorder.assembling.lenient_json import parse_object
from backscroll.store.recorder.assembling.response_stream import LAST_EVENTS, ResponseDraft
from backscroll.store.recorder.assembling.server_error import error_of
from backscroll.store.recorder.assembling.sse_events import SseEvent, SseReader
from backscroll.store.recorder.recording import Recording
from backscroll.store.recorder.relaying.forwarding import Forwarding
from backscroll.store.recorder.relaying.stream_relay import StreamRelay, is_stream
from backscroll.store.recorder.relaying.whole_relay import read_whole, relay_whole
from backscroll.store.recorder.responses.background.run_events import RunEvents
from backscroll.store.recorder.responses.background.run_rows import Key
from backscroll.store.recorder.responses.events import events_of, last_event

_BEGINNING: Final = frozenset({"response.created", "response.queued"})
"""The events of the model server that are left out, because the run has sent its own."""

_FAILED: Final = "response.failed"
"""An event that waits for the record, which may say otherwise: see `_BELIED`."""

_BELIED: Final = ("cancelled", "completed")
"""The statuses of a record that could not be written. The response was cancelled at that moment, or
the commit succeeded although its outcome was not known then."""

_NO_ANSWER: Final = "The model server's answer ended before it was complete."


class Run(Struct):
    """A response that runs, or has ended a while ago.

    Attributes:
        key: the response.
        begun: the response as it was when it began.
        events: its events.
        max_chars: how much of its output is shown while it runs, in characters.
        task: what runs it.
        has_started: whether the task has taken its first step.
        is_cancelled: whether it was ended on request.
        is_ending: whether it was stopped, or its end is being recorded.
    """

    key: Key
    begun: JSON
    events: RunEvents
    max_chars: int
    task: "asyncio.Task[None] | None" = None
    has_started: bool = False
    is_cancelled: bool = False
    is_ending: bool = False
    _status: str = "queued"
    _draft: ResponseDraft | None = field(default_factory=ResponseDraft)
    _last: str = ""
    _failure: JSON | None = None

    def __post_init__(self) -> None:
        """Add the events with which it begins."""
        for kind in ("response.created", "response.queued"):
            self.events.add({"type": kind, "response": self.begun})

    async def answer(
        self, forwarding: Forwarding, recording: Recording, request: Request, content: bytes
    ) -> JSON:
        """Ask the model server, and record its answer.

        If the run is stopped, what was received until then is recorded, unless it was cancelled.

        Args:
            forwarding: sends requests to the model server.
            recording: how the answer is recorded.
            request: the caller's request, whose headers are passed on.
            content: the body to send.

        Returns:
            The error for a response that has none yet.
        """
        taking = _Taking(self)
        try:
            answer = await forwarding.sent(request, content, is_read=True)
            try:
                if is_stream(answer):
                    taking.reader = SseReader()
                    relay = StreamRelay(answer, recording, taking.take, forwarding.server)
                    await self._relayed(relay)
                else:
                    body = await read_whole(answer, forwarding.server)
                    await relay_whole(answer, body, recording, taking.take)
            finally:
                await answer.aclose()
        except ApiError as failed:
            recording.failed(code_of(failed))
            return _error(failed)
        except FAILURES as failed:
            recording.failed(NOT_RECORDED)
            return _error(failure_reply(failed))
        except asyncio.CancelledError:
            recording.failed("cancelled" if self.is_cancelled else "cut_off")
            raise
        return taking.error()

    async def _relayed(self, relay: StreamRelay) -> None:
        try:
            await relay.run()
        except asyncio.CancelledError:
            if relay.is_recording or not self.is_cancelled:
                await relay.abandon(is_gone=False)
            raise

    def add(self, event: SseEvent) -> None:
        """Add an event of the model server's stream."""
        kind = event.value.get("type")
        kind = kind if isinstance(kind, str) else event.name
        if event.flaw is not None or event.is_done or kind in _BEGINNING:
            return
        self._status, self._last = "in_progress", kind
        if self._draft is not None:
            is_full = self._draft.size > self.max_chars
            self._draft.add(event.name, event.value, is_full=is_full)
        if kind == _FAILED:
            self._failure = event.value
        else:
            self.events.add({**event.value, "type": kind})

    def progress(self) -> JSON:
        """Return what is to be shown of the response while it runs: its status and its output."""
        items = [] if self._draft is None else self._draft.whole("cut_off")["output"]
        output, _ = storable([_unfinished(item) for item in items])
        return {"status": self._status, "output": output}

    def stop(self) -> None:
        """Stop it, unless it is ending, because its end is recorded once and whole.

        A task that is cancelled before its first step takes none, and would record no end.
        """
        if self.task is not None and self.has_started and not self.is_ending:
            self.task.cancel()
        self.is_ending = True

    def end(self, response: JSON | None) -> None:
        """Add the events that are missing at the end.

        Args:
            response: the response, as it was recorded; None if it was deleted, or cannot be read.
        """
        status = "" if response is None else response.get("status")
        if self._failure is not None and status not in _BELIED:
            self.events.add({**self._failure, "type": _FAILED})
        elif response is None:
            pass
        elif not self._last:
            for event in list(events_of(response))[1:]:
                self.events.add(event)
        elif self._failure is not None or self._last not in LAST_EVENTS:
            self.events.add(last_event(response))
        self.events.end()
        self._draft = None


class _Taking:
    """Takes what a caller would be sent.

    Args:
        run: gets the events.

    Attributes:
        reader: reads the events, if the answer is a stream; None otherwise.
    """

    def __init__(self, run: Run) -> None:
        self.reader: SseReader | None = None
        self._run = run
        self._status = 0
        self._body = b""
        self._error: JSON | None = None

    async def take(self, message: Message) -> None:
        """Take a part of the reply."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            return
        body: bytes = message.get("body", b"")
        if self.reader is None:
            self._body += body
            return
        events = self.reader.feed(body)
        for event in events if message.get("more_body") else [*events, *self.reader.finish()]:
            self._error = self._error or error_of(event.name, event.value)
            self._run.add(event)

    def error(self) -> JSON:
        """Return the error in the reply, for a response that could not be recorded."""
        error = self._error or error_of("", parse_object(self._body) or {}) or {}
        code = error.get("code")
        return {
            "code": code if isinstance(code, str) and code else "server_error",
            "message": error.get("message") or _NO_ANSWER,
        }


def _error(failed: ApiError) -> JSON:
    return {"code": "server_error", "message": failed.message}


def _unfinished(item: JSON) -> JSON:
    is_unfinished = item.get("status") == "incomplete"
    return {**item, "status": "in_progress"} if is_unfinished else item
