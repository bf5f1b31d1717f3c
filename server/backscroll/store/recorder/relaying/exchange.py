"""One request to the model server: sent on, answered, and recorded."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext, suppress
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from backscroll.store.api_errors import ApiError
from backscroll.store.database_failures import FAILURES
from backscroll.store.recorder.answer_log import GONE, NOT_RECORDED, code_of
from backscroll.store.recorder.recording import Recording
from backscroll.store.recorder.relaying.caller import Caller, CallerGoneError, while_reading
from backscroll.store.recorder.relaying.forwarding import Forwarding
from backscroll.store.recorder.relaying.stream_relay import StreamRelay, is_stream
from backscroll.store.recorder.relaying.whole_relay import read_whole, relay_whole

Sending: TypeAlias = Callable[[Send], Awaitable[None]]
Needed: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]


class Relayed(Response):
    """A response that is sent while it is made.

    Args:
        sending: makes and sends it.
        caller_s: how long the caller may take nothing of it, in seconds.
    """

    def __init__(self, sending: Sending, caller_s: float) -> None:
        super().__init__()
        self._sending = sending
        self._caller_s = caller_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Make and send the response."""
        with suppress(CallerGoneError):
            await self._sending(while_reading(send, self._caller_s))


async def exchange(
    forwarding: Forwarding, recording: Recording, request: Request, content: bytes, send: Send
) -> None:
    """Send a request on, pass the answer on, and record it.

    If the caller disconnects, the model server's answer is given up, unless a retry can get it.

    Args:
        forwarding: sends requests to the model server.
        recording: how the answer is recorded.
        request: the caller's request, whose body was read.
        content: the body to send.
        send: sends to the caller.

    Raises:
        ApiError: the model server did not answer, or not with JSON or a stream.
        NothingWrittenError: the answer cannot be recorded.
    """
    async with aclosing(Caller(request)) as caller:
        needed: Needed = caller.needed
        if recording.is_replayable:
            needed, send = nullcontext, _to_whoever_reads(send)
        try:
            async with needed():
                answer = await forwarding.sent(request, content, is_read=True)
            try:
                if is_stream(answer):
                    relay = StreamRelay(answer, recording, send, forwarding.server)
                    await _relay_stream(relay, needed)
                else:
                    async with needed():
                        body = await read_whole(answer, forwarding.server)
                    await relay_whole(answer, body, recording, send)
            finally:
                recording.release()
                await answer.aclose()
        except CallerGoneError:
            recording.failed(GONE)
        except ApiError as error:
            recording.failed(code_of(error))
            raise
        except FAILURES:
            recording.failed(NOT_RECORDED)
            raise


async def _relay_stream(relay: StreamRelay, needed: Needed) -> None:
    try:
        async with needed():
            await relay.run()
    except CallerGoneError:
        await relay.abandon(is_gone=True)
    except asyncio.CancelledError:  # the recorder is stopped
        await relay.abandon(is_gone=False)
        raise


def _to_whoever_reads(send: Send) -> Send:
    """Return what sends to a caller as long as it reads, and to nobody after that."""

    async def send_if_read(message: Message) -> None:
        with suppress(CallerGoneError):
            await send(message)

    return send_if_read
