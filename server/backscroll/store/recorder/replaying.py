"""Answers a request with what was recorded when it was sent before."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, TypeAlias

from sqlalchemy import Connection
from starlette.types import Send

from backscroll.database.json_text import dump_json
from backscroll.store.envelopes import JSON
from backscroll.store.recorder.asked import Asked
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.recorder.relaying.whole_relay import send_whole

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

REPLAYED: Final[Headers] = ((b"idempotent-replayed", b"true"),)
"""The headers of the reply to a retry."""


async def recorded_answer(
    keeping: Keeping, asked: Asked, read: Callable[[Connection, str, str], JSON]
) -> JSON | None:
    """Return the object that an earlier request with the same key got; None if none did.

    Args:
        keeping: writes the records.
        asked: the request.
        read: returns the object, given a partition and its id there.

    Raises:
        ApiError: 422 if the earlier request was a different one; 410 if its object was deleted.
    """
    if asked.keyed is None:
        return None
    object_id = await keeping.keys.written(asked.keyed)
    if object_id is None:
        return None
    return await keeping.database.read(
        lambda connection: read(connection, asked.partition, object_id)
    )


async def replay(
    send: Send, recorded: JSON, events: bytes | None, headers: Headers = REPLAYED
) -> None:
    """Send a recorded answer.

    Args:
        send: sends to the caller.
        recorded: the object.
        events: the object as a stream of events; None if the caller does not ask for a stream.
        headers: further headers of the reply.
    """
    kind = b"application/json" if events is None else b"text/event-stream; charset=utf-8"
    body = dump_json(recorded).encode() if events is None else events
    await send_whole(send, HTTPStatus.OK, [(b"content-type", kind), *headers], body)
