"""Assembles a response from the events of its stream.

Source: the events of OpenAI's Responses API. Servers differ from it in the last event: some send an
empty `output` in it (Codex's backend, proxies), and some end the stream without it.
"""

from typing import Final

from backscroll.store.recorder.assembling.assembly import Assembly, Reason
from backscroll.store.recorder.assembling.lenient_json import JSON
from backscroll.store.recorder.assembling.response_output import OutputItems
from backscroll.store.recorder.assembling.server_error import error_of

LAST_EVENTS: Final = frozenset(
    ("response.cancelled", "response.completed", "response.failed", "response.incomplete")
)
UNFINISHED: Final = ("queued", "in_progress")
"""The statuses of a response that has not ended. A tuple can be asked for any JSON value."""

_NOTHING_NEW: Final = frozenset(("response.created", "response.in_progress", "response.queued"))


class ResponseDraft:
    """A response as far as its events are known."""

    def __init__(self) -> None:
        self._response: JSON = {}
        self._items = OutputItems()
        self._is_last = False
        self.error: JSON | None = None
        self.is_ended = False

    @property
    def id(self) -> str | None:
        """The id in the first event that has one; None before."""
        found = self._response.get("id")
        return found if isinstance(found, str) and found else None

    @property
    def size(self) -> int:
        """About how many characters are kept of the output."""
        return self._items.size

    def add(self, name: str, value: JSON, *, is_full: bool) -> None:
        """Add an event."""
        kind, response = value.get("type"), value.get("response")
        kind = kind if isinstance(kind, str) else name
        if kind in LAST_EVENTS or kind in _NOTHING_NEW:
            self._is_last = self.is_ended = kind in LAST_EVENTS
            response = response if isinstance(response, dict) else {}
            if self._is_last and response.get("status") in (None, *UNFINISHED):
                response = {**response, "status": kind.removeprefix("response.")}
            self._response = {**self._response, **response}
        elif not is_full:
            self._items.add(kind, value)
        self.error = self.error or error_of(name, value)
        if self.error is not None and "error" in value:  # clients take nothing after it
            self.is_ended = True

    def is_whole(self, *, is_done: bool) -> bool:  # noqa: ARG002 - this API has no such mark
        """Return whether the last event was received."""
        return self._is_last

    def is_repeated(self) -> bool:
        """Return whether the last event has the output too."""
        return self._is_last and bool(self._response.get("output"))

    def is_empty(self) -> bool:
        """Return whether no event was about a response."""
        return not self._response and not len(self._items)

    def whole(self, reason: Reason | None) -> JSON:
        """Return the response, whose status says if it is not complete."""
        response = {**self._response, "output": self._output()}
        lacks_output = reason is not None and response.get("status") == "completed"
        if (self._is_last and not lacks_output) or self.is_empty():
            return response
        if self.error is not None:
            code = self.error.get("code") or "server_error"
            error = {"code": code, "message": self.error["message"]}
            return {**response, "status": "failed", "error": error}
        return {**response, "status": "incomplete", "incomplete_details": {"reason": reason}}

    def _output(self) -> list[JSON]:
        """Return the output of the last event, or the items that were streamed if it has none."""
        sent = self._response.get("output")
        if self._is_last and self._response.get("status") == "cancelled":
            return sent if isinstance(sent, list) else []
        if self._is_last and isinstance(sent, list) and sent:
            return sent
        return self._items.whole()


def response_stream(**bounds: int) -> Assembly:
    """Return what assembles a response from the bytes of its stream.

    Args:
        bounds: `max_event_bytes` and `max_chars` of `Assembly`.
    """
    return Assembly(ResponseDraft(), **bounds)
