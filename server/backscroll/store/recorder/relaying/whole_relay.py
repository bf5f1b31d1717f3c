"""Passes on an answer that is not a stream, after it was recorded."""

import asyncio

import httpx2
from starlette.types import Send

from backscroll.store.recorder.assembling.lenient_json import parse_object
from backscroll.store.recorder.assembling.rewriting import rewritten
from backscroll.store.recorder.assembling.whole import MAX_BODY_BYTES
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.recording import Recording
from backscroll.store.recorder.relaying.forwarding import failure, not_json, too_large, too_slow
from backscroll.store.recorder.relaying.headers import downward
from backscroll.store.recorder.relaying.key_redaction import without_key


async def read_whole(answer: httpx2.Response, server: ModelServer) -> bytes:
    """Return the body of an answer.

    Raises:
        ApiError: 502 or 504 if the answer is cut off, too slow or too large.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(server.answer_s):
            async for data in answer.aiter_bytes():
                body += data
                if len(body) > server.answer_bytes:
                    raise too_large(server.answer_bytes)
    except httpx2.HTTPError as error:
        raise failure(error) from None
    except TimeoutError:
        raise too_slow() from None
    return without_key(bytes(body), server.key, is_error=not answer.is_success)


async def relay_whole(
    answer: httpx2.Response, body: bytes, recording: Recording, send: Send
) -> None:
    """Record an answer, and pass it on.

    Args:
        answer: the model server's answer.
        body: its body.
        recording: how it is recorded.
        send: sends to the caller.

    Raises:
        ApiError: the answer is not JSON, or is too large to be recorded.
        NothingWrittenError: the answer cannot be recorded.
        CommitUnknownError: it is not known whether the answer was recorded.
    """
    is_object = parse_object(body) is not None
    if not is_object and (body or answer.is_success):
        raise not_json(answer.status_code)
    if answer.is_success:
        assembled = recording.read(body)
        if assembled.reason == "too_large" and recording.is_kept:
            raise too_large(MAX_BODY_BYTES)
        if assembled.complete:
            given = assembled.object.get("id")
            change = await recording.identify(given if isinstance(given, str) else None)
            await recording.keep(assembled)
            body = body if change is None else rewritten(body, change)
        else:
            recording.failed(assembled.reason or "no_events")
    else:
        recording.failed(f"status_{answer.status_code}")
    await send_whole(send, answer.status_code, downward(answer.headers.raw, is_read=True), body)


async def send_whole(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Send a reply with a body."""
    length = (b"content-length", str(len(body)).encode())
    start = {"type": "http.response.start", "status": status, "headers": [*headers, length]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
