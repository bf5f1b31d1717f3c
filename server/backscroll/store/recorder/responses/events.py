"""Writes a recorded response as the events of a stream.

Source: the events of OpenAI's Responses API. A text is one delta. Other items than messages are
added and done at once.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from backscroll.database.json_text import dump_json
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.asked import Asked

_TEXTS: Final = {"output_text": "text", "refusal": "refusal"}
"""The field with the text of each kind of part that is streamed."""

_ENDS: Final = ("completed", "incomplete", "failed")
"""The statuses that have an event of their own at the end of a stream."""

_UNFINISHED: Final[JSON] = {
    "status": "in_progress",
    "output": [],
    "usage": None,
    "completed_at": None,
    "incomplete_details": None,
    "error": None,
}


def response_events(asked: Asked, response: JSON) -> bytes | None:
    """Return the events of a response; None if the caller does not ask for a stream.

    Args:
        asked: the request.
        response: the recorded response.
    """
    return stream_of(response) if asked.streams else None


def stream_of(response: JSON, after: int = -1) -> bytes:
    """Return the events of a response after the one with the number `after`.

    A response in the background had other events while it ran, and more of them. So a caller whose
    number is not below those here gets the last event, which has the whole response.
    """
    events = list(events_of(response))
    if after >= len(events) - 1 and response.get("background") is True:
        return event_bytes(events[-1], after + 1)
    return b"".join(event_bytes(each, at) for at, each in enumerate(events) if at > after)


def event_bytes(event: JSON, number: int) -> bytes:
    """Return an event with its sequence number, as it is sent.

    The halves of a surrogate pair may be in two deltas. JSON can have one only as an escape, which
    is what `backslashreplace` writes.
    """
    kind, text = dump_json(event["type"])[1:-1], dump_json({**event, "sequence_number": number})
    return f"event: {kind}\ndata: {text}\n\n".encode(errors="backslashreplace")


def last_event(response: JSON) -> JSON:
    """Return the event that ends the stream of a response."""
    status = response.get("status")
    kind = status if status in _ENDS else "completed"
    if status == "cancelled":  # clients know no event of its own
        kind = "failed"
    return {"type": f"response.{kind}", "response": response}


def events_of(response: JSON) -> Iterator[JSON]:
    """Yield the events of a recorded response, without numbers."""
    begun = {**response, **_UNFINISHED}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        yield from _of_item(index, item)
    yield last_event(response)


def _of_item(index: int, item: JSON) -> Iterator[JSON]:
    begun = deepcopy(item)
    if "status" in begun:
        begun["status"] = "in_progress"
    is_message = item.get("type") == "message" and isinstance(item.get("content"), list)
    if is_message:
        begun["content"] = []
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    for number, part in enumerate(item["content"] if is_message else ()):
        place = {"item_id": item.get("id"), "output_index": index, "content_index": number}
        yield from _of_part(place, part)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _of_part(place: JSON, part: JSON) -> Iterator[JSON]:
    kind = part.get("type", "")
    field = _TEXTS.get(kind)
    empty = part if field is None else {**part, field: ""}
    yield {"type": "response.content_part.added", **place, "part": empty}
    if field is not None:
        text = part.get(field) or ""
        logprobs: JSON = {"logprobs": []} if kind == "output_text" else {}
        yield {"type": f"response.{kind}.delta", **place, "delta": text, **logprobs}
        yield {"type": f"response.{kind}.done", **place, field: text, **logprobs}
    yield {"type": "response.content_part.done", **place, "part": part}
