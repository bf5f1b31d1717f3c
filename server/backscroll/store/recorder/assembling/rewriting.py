"""Rewrites the ids that a model server sends, and what it says of state that it was not told of.

The ids of some servers repeat (Ollama), and some chunks have none. The recorder sends ids of its
own instead: in every event of a stream, because clients refuse a stream whose id changes, or in
none. A stateless server is not told of `store`, `previous_response_id` and `conversation`, so what
it echoes is not what the caller asked for.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from backscroll.store.recorder.assembling.members import (
    Edit,
    Member,
    edited,
    members,
    objects_in,
    replacement,
    replacements,
)
from backscroll.store.recorder.assembling.sse_events import MAX_EVENT_BYTES

Change: TypeAlias = Callable[[str, list[Member]], str]
"""Returns the text of a JSON object with these members, changed if need be."""

_LINE: Final = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r(?!\Z))")
_LINE_END: Final = re.compile(rb"[\r\n]")
_DATA: Final = re.compile(rb"(?:\xef\xbb\xbf)?data: ?")
_CHUNK: Final = "chat.completion.chunk"


def completion_change(completion_id: str) -> Change:
    """Return what gives a chat completion, or a chunk of one, this id."""

    def change(text: str, found: list[Member]) -> str:
        named = {each.name: each.value for each in found}
        if "choices" not in named and named.get("object") != _CHUNK:
            return text
        return edited(text, replacements(text, 0, found, {"id": completion_id}))

    return change


def response_change(
    fields: Mapping[str, Any], rename_item: Callable[[str], str] | None = None
) -> Change:
    """Return what gives a response these fields, also inside the events of a stream.

    Args:
        fields: `id`, and as needed `store`, `previous_response_id` and `conversation`, with their
            values. An event with a `response_id` gets the `id` there.
        rename_item: returns another id for the id of an output item, and the same one each time. If
            the ids of a server's responses repeat, those of its items do too.
    """

    def change(text: str, found: list[Member]) -> str:
        named = {each.name: each for each in found}
        edits: list[Edit] = []
        response, item = named.get("response"), named.get("item")
        if response is not None and isinstance(response.value, dict):
            inside = members(text, response.start) or []
            edits += replacements(text, response.start, inside, fields)
            edits += _renamed_output(text, inside, rename_item)
        if "response_id" in named and "id" in fields:
            edits += replacements(text, 0, found, {"response_id": fields["id"]})
        if "output" in named and "type" not in named:  # a response that is not streamed
            edits += replacements(text, 0, found, fields)
            edits += _renamed_output(text, found, rename_item)
        if item is not None and isinstance(item.value, dict):
            edits += _renamed(members(text, item.start) or [], "id", rename_item)
        edits += _renamed(found, "item_id", rename_item)
        return edited(text, edits)

    return change


def _renamed_output(
    text: str, response: list[Member], rename: Callable[[str], str] | None
) -> list[Edit]:
    """Return the edits that rename the items in a response's output."""
    outputs = (each for each in response if each.name == "output" and isinstance(each.value, list))
    return [
        edit
        for output in outputs
        for item in objects_in(text, output)
        for edit in _renamed(item, "id", rename)
    ]


def _renamed(found: list[Member], name: str, rename: Callable[[str], str] | None) -> list[Edit]:
    """Return the edits that rename the members called `name` whose value is an id."""
    return [
        replacement(each, rename(each.value))
        for each in found
        if rename is not None and each.name == name and isinstance(each.value, str) and each.value
    ]


def rewritten(body: bytes, change: Change) -> bytes:
    """Return a body that is not streamed, changed. A body that is not JSON is returned as it is."""
    changed = _apply(change, body)
    return body if changed is None else changed


class EventRewriter:
    """Rewrites the events of one stream, whose bytes arrive in pieces of any size.

    An event that needs no change keeps every byte, and so does each line that is not data.

    Args:
        change: what changes the data of an event.
        max_event_bytes: the maximum size of an event.

    Attributes:
        is_too_large: whether an event was larger. It and everything after it is left out, because
            its id cannot be rewritten.
    """

    def __init__(self, change: Change, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._change = change
        self._max_bytes = max_event_bytes
        self._rest = bytearray()
        self._event: list[bytes] = []
        self._event_bytes = 0
        self.is_too_large = False

    def feed(self, data: bytes) -> bytes:
        """Return what can be sent on with these bytes: the lines that are whole, rewritten."""
        if self.is_too_large:
            return b""
        had_cr = self._rest.endswith(b"\r")
        self._rest += data
        sent = b""
        if had_cr or _LINE_END.search(data):
            rest = bytes(self._rest)
            lines = _LINE.findall(rest)
            self._rest = bytearray(rest[sum(map(len, lines)) :])
            sent = b"".join(map(self._rewrite, lines))
        if len(self._rest) + self._event_bytes > self._max_bytes:
            self.is_too_large = True
            self._rest.clear()
            self._event.clear()
        return sent

    def finish(self) -> bytes:
        """Return what is left at the end of the stream."""
        sent = self._rewrite(bytes(self._rest)) if self._rest else b""
        self._rest.clear()
        return sent + self._end_event()

    def _rewrite(self, line: bytes) -> bytes:
        """Return a line, rewritten. The lines of an object on several lines wait for its end."""
        if self._event:
            self._hold(line)
            return b"" if line.strip(b"\r\n") else self._end_event()
        prefix, data, end = _parts(line)
        if not data.lstrip().startswith(b"{"):
            return line
        changed = _apply(self._change, data)
        if changed is None:
            self._hold(line)
            return b""
        return prefix + changed + end

    def _hold(self, line: bytes) -> None:
        self._event.append(line)
        self._event_bytes += len(line)

    def _end_event(self) -> bytes:
        """Return the lines of an event whose object is on several lines."""
        lines, self._event, self._event_bytes = self._event, [], 0
        parts = [_parts(line) for line in lines]
        data = b"\n".join(data for prefix, data, _ in parts if prefix)
        changed = _apply(self._change, data)
        if changed is None or changed == data:
            return b"".join(lines)
        new = iter(changed.split(b"\n"))  # as many lines as before: no change has a line end
        return b"".join(
            prefix + next(new) + end if prefix else line
            for line, (prefix, _, end) in zip(lines, parts, strict=True)
        )


def _parts(line: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the field of a line with data, the data and the line end; of other lines, nothing."""
    match = _DATA.match(line)
    if match is None:
        return b"", b"", b""
    data = line[match.end() :].rstrip(b"\r\n")
    return match[0], data, line[match.end() + len(data) :]


def _apply(change: Change, data: bytes) -> bytes | None:
    """Return the text of an object, changed; None if it is not a whole object."""
    text = data.decode(errors="surrogateescape")
    found = members(text)
    return None if found is None else change(text, found).encode(errors="surrogateescape")
