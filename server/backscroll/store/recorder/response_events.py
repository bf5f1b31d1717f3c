"""Writes a recorded response as the events of a stream.

Source: the events of OpenAI's Responses API. A text is one delta. Other items than messages are
added and done at once.
"""

from collections.abc import Iterator
from copy import deepcopy
from itertools import count
from typing import Final

from backscroll.database.json_text import dump_json
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.asked import Asked

_TEXTS: Final = {"output_text": "text", "refusal": "refusal"}
"""The field with the text of each kind of part that is streamed."""

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
    if not asked.streams:
        return None
    numbers = count()
    lines = []
    for event in _events(response):
        text = dump_json({**event, "sequence_number": next(numbers)})
        lines.append(f"event: {event['type']}\ndata: {text}\n\n")
    return "".join(lines).encode()


def _events(response: JSON) -> Iterator[JSON]:
    begun = {**response, **_UNFINISHED}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        yield from _of_item(index, item)
    yield {"type": f"response.{response.get('status') or 'completed'}", "response": response}


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
