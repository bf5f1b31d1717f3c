"""Splits the body of a stream into server-sent events, and parses the data of each.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html, with three differences, all
because clients differ as well. Many clients act on each line, and do not wait for the blank line
after an event, so an event counts as soon as its data is a whole object. An event at the end of the
body needs no blank line. And the data of an event that is too large is discarded.
"""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

from backscroll.store.recorder.assembling.lenient_json import JSON, parse_object

MAX_EVENT_BYTES: Final = 16 * 1024 * 1024

Flaw: TypeAlias = Literal["too_large", "unreadable"]

_BOM: Final = b"\xef\xbb\xbf"
_FIELD_BYTES: Final = 8
"""How much of a line that is too long is kept, to see whether it is a comment."""


class SseEvent(Struct, frozen=True):
    """One event.

    Attributes:
        name: its field `event`; empty if it has none.
        value: its data; empty if the data is `[DONE]`, or has a flaw.
        is_done: whether its data is `[DONE]`.
        flaw: why its data is not known: it is larger than the bound, or is not JSON.
        start: where its last line begins, as an offset in the bytes that were fed last; 0 if it
            began in earlier bytes.
    """

    name: str
    value: JSON
    is_done: bool
    flaw: Flaw | None
    start: int


class SseReader:
    """Reads the events of one body, whose bytes arrive in pieces of any size.

    Args:
        max_bytes: the maximum size of the data of one event, in bytes.
    """

    def __init__(self, max_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._line = bytearray()
        self._is_too_long = False
        self._after_cr = False
        self._is_first_line = True
        self._name = ""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._is_read = False

    def feed(self, data: bytes) -> list[SseEvent]:
        """Return the events that are whole with these bytes."""
        found: list[SseEvent | None] = []
        start = 1 if self._after_cr and data.startswith(b"\n") else 0
        self._after_cr = data.endswith(b"\r") if data else self._after_cr
        for line in data[start:].splitlines(keepends=True):
            text = line.rstrip(b"\r\n")
            found.append(self._add(text, start))
            if len(text) < len(line):
                found.append(self._end_line(start))
            start += len(line)
        return [event for event in found if event is not None]

    def finish(self) -> list[SseEvent]:
        """Return the event that the body ended with, if it is whole without a line end."""
        last = self._end_line(0) if self._line else None
        return [] if last is None else [last]

    def _add(self, piece: bytes, start: int) -> SseEvent | None:
        """Add a piece of a line. Return the event that is too large because of it, if any."""
        if self._is_too_long:
            return None
        self._line += piece
        if len(self._line) <= self._max_bytes:
            return None
        self._is_too_long = True
        is_comment = self._line.startswith(b":")
        del self._line[_FIELD_BYTES:]
        return None if is_comment else self._flawed("too_large", start)

    def _end_line(self, start: int) -> SseEvent | None:
        line = bytes(self._line)
        is_too_long, self._is_too_long = self._is_too_long, False
        self._line.clear()
        if self._is_first_line:
            self._is_first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._end_event(start)
        if self._is_read or is_too_long:
            return None
        field, _, value = line.partition(b":")
        if field == b"event":
            self._name = value.removeprefix(b" ").decode(errors="replace")
        elif field == b"data":
            return self._add_data(value.removeprefix(b" "), start)
        return None

    def _add_data(self, value: bytes, start: int) -> SseEvent | None:
        self._data.append(value)
        self._data_bytes += len(value) + 1
        if len(self._data) == 1:
            return self._whole(value, start)
        if self._data_bytes > self._max_bytes:
            return self._flawed("too_large", start)
        return None

    def _end_event(self, start: int) -> SseEvent | None:
        """Return the event that a blank line ends, unless its first line was whole."""
        event = None
        if not self._is_read and self._data:
            data = b"\n".join(self._data)
            event = self._whole(data, start)
            if event is None and data.lstrip().startswith(b"{"):
                event = self._flawed("unreadable", start)
        self._name = ""
        self._clear_data()
        self._is_read = False
        return event

    def _whole(self, data: bytes, start: int) -> SseEvent | None:
        """Return the event if its data is `[DONE]` or an object; any other data says nothing."""
        text = data.strip()
        is_done = text.startswith(b"[DONE]")
        value = parse_object(text) if text.startswith(b"{") else None
        if value is None and not is_done:
            return None
        self._is_read = True
        return SseEvent(self._name, value or {}, is_done, None, start)

    def _flawed(self, flaw: Flaw, start: int) -> SseEvent | None:
        if self._is_read:
            return None
        self._is_read = True
        self._clear_data()
        return SseEvent(self._name, {}, is_done=False, flaw=flaw, start=start)

    def _clear_data(self) -> None:
        self._data.clear()
        self._data_bytes = 0
