"""Answers a request with what was recorded when it was sent before."""

from http import HTTPStatus

from starlette.types import Send

from backscroll.database.json_text import dump_json
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.whole_relay import send_whole


async def replay(send: Send, recorded: JSON, events: bytes | None) -> None:
    """Send a recorded answer.

    Args:
        send: sends to the caller.
        recorded: the object.
        events: the object as a stream of events; None if the caller does not ask for a stream.
    """
    kind = b"application/json" if events is None else b"text/event-stream; charset=utf-8"
    headers = [(b"content-type", kind), (b"idempotent-replayed", b"true")]
    body = dump_json(recorded).encode() if events is None else events
    await send_whole(send, HTTPStatus.OK, headers, body)
