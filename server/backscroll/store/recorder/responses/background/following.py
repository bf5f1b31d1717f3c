"""Sends the events of a response in the background to a caller who follows it."""

from contextlib import aclosing, suppress
from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.types import Send

from backscroll.store.recorder.relaying.caller import Caller, CallerGoneError
from backscroll.store.recorder.replaying import Headers
from backscroll.store.recorder.responses.background.run_events import RunEvents

_OF_STREAM: Final[Headers] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
)


async def follow(
    send: Send, request: Request, events: RunEvents, after: int, headers: Headers = ()
) -> None:
    """Send the events after the one with the number `after`, until the last one.

    If the caller disconnects, the response goes on.

    Args:
        send: sends to the caller.
        request: the caller's request, whose body was read.
        events: the events of the response.
        after: the number of the last event that the caller has; -1 for none.
        headers: further headers.
    """
    start = {"type": "http.response.start", "status": HTTPStatus.OK}
    async with aclosing(Caller(request)) as caller:
        with suppress(CallerGoneError):
            async with caller.needed(), aclosing(events.follow(after)) as parts:
                await send({**start, "headers": [*_OF_STREAM, *headers]})
                async for part in parts:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
