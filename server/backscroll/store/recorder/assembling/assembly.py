"""Assembles the whole object that a model server sends as a stream."""

from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from backscroll.store.recorder.assembling.lenient_json import JSON
from backscroll.store.recorder.assembling.sse_events import MAX_EVENT_BYTES, SseEvent, SseReader

MAX_RECORD_CHARS: Final = 32 * 1024 * 1024

Reason: TypeAlias = Literal["cut_off", "error", "no_events", "too_large", "unreadable"]


class Assembled(Struct, frozen=True):
    """What a model server answered.

    Attributes:
        object: the completion or the response, as the API returns it without streaming. If it is
            not complete, it has what was received until then.
        complete: whether the server sent all of it. A response that failed is complete if the
            server said so in its last event.
        reason: why it is not complete; None if it is. `cut_off`: the stream ended without its last
            event. `error`: the server sent an error. `too_large`: an event, or the whole object,
            was larger than the bound. `unreadable`: an event, or the body, was not JSON.
            `no_events`: nothing in it was a completion or a response.
        error: the error that the server sent, as an object with a `message`; None if it sent none.
    """

    object: JSON
    complete: bool
    reason: Reason | None = None
    error: JSON | None = None


class Draft(Protocol):
    """The object as far as it is known, for one kind of object.

    Attributes:
        error: the error that the server sent, if any.
        is_ended: whether the last event was received.
    """

    error: JSON | None
    is_ended: bool

    @property
    def id(self) -> str | None:
        """The first id that the server sent that is not empty; None before."""

    @property
    def size(self) -> int:
        """About how many characters are kept."""

    def add(self, name: str, value: JSON, *, is_full: bool) -> None:
        """Add an event.

        Args:
            name: its field `event`; empty if it has none.
            value: its data.
            is_full: whether the bound is reached. If so, only what ends the stream is used.
        """

    def is_whole(self, *, is_done: bool) -> bool:
        """Return whether nothing is missing.

        Args:
            is_done: whether the server said that the stream is done, and did not just end it.
        """

    def is_repeated(self) -> bool:
        """Return whether the last event has the whole object, whatever was missed before."""

    def is_empty(self) -> bool:
        """Return whether nothing of the object was received."""

    def whole(self, reason: Reason | None) -> JSON:
        """Return the object. If it is not complete, `reason` says why."""


class Assembly:
    """Assembles one object from the bytes of a stream, in bounded memory.

    Whatever a server sends raises nothing. The result does not depend on how the bytes are divided.

    Args:
        draft: what the events are added to: a `CompletionDraft` or a `ResponseDraft`.
        max_event_bytes: the maximum size of an event. A larger one is left out, and the object is
            not complete.
        max_chars: about the maximum number of characters of the object, as JSON without
            punctuation. What comes after that is left out, and the object is not complete.

    Attributes:
        ended: whether the last event was received.
        before_end: how many bytes of those that were fed last come before the last event: all of
            them until it is received, and none of those that are fed after it.
    """

    def __init__(
        self,
        draft: Draft,
        max_event_bytes: int = MAX_EVENT_BYTES,
        max_chars: int = MAX_RECORD_CHARS,
    ) -> None:
        self._draft = draft
        self._reader = SseReader(max_event_bytes)
        self._max_chars = max_chars
        self._flaw: Reason | None = None
        self._is_done = False
        self.ended = False
        self.before_end = 0

    @property
    def id(self) -> str | None:
        """The first id that the server sent that is not empty; None before."""
        return self._draft.id

    def feed(self, data: bytes) -> None:
        """Add the next bytes of the stream. Bytes after its last event are ignored."""
        self.before_end = 0 if self.ended else len(data)
        if not self.ended:
            self._add(self._reader.feed(data))

    def finish(self) -> Assembled:
        """Return the object, after the last bytes or whenever no more are to be expected."""
        if not self.ended:
            self._add(self._reader.finish())
        reason = self._reason()
        return Assembled(self._draft.whole(reason), reason is None, reason, self._draft.error)

    def _add(self, events: list[SseEvent]) -> None:
        for event in events:
            if event.flaw is not None:
                self._flaw = self._flaw or event.flaw
            elif event.is_done:
                self._is_done = True
            else:
                is_full = self._draft.size > self._max_chars
                if is_full:
                    self._flaw = "too_large"
                self._draft.add(event.name, event.value, is_full=is_full)
            if self._is_done or self._draft.is_ended:
                self.ended = True
                self.before_end = event.start
                return

    def _reason(self) -> Reason | None:
        if self._flaw is not None and not self._draft.is_repeated():
            return self._flaw
        if self._draft.error is not None:
            return "error"
        if self._draft.is_empty():
            return "no_events"
        return None if self._draft.is_whole(is_done=self._is_done) else "cut_off"
