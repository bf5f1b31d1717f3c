"""Passes requests on that the store does not serve, such as models, embeddings and audio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Send

from backscroll.store.api_errors import ApiError
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.relaying.caller import Caller, CallerGoneError
from backscroll.store.recorder.relaying.exchange import Relayed
from backscroll.store.recorder.relaying.forwarding import Forwarding, failure
from backscroll.store.recorder.relaying.headers import downward
from backscroll.store.recorder.relaying.key_redaction import lines_without_key
from backscroll.store.recorder.relaying.stream_relay import is_stream
from backscroll.store.recorder.relaying.whole_relay import read_whole, send_whole

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


async def pass_on(forwarding: Forwarding, request: Request) -> Response:
    """Return a response that passes on a request and its answer, both unread and unchanged.

    An error is read if it may quote the operator's key, which is then redacted.

    Raises:
        ApiError: 403 for a request from a web page of another machine.
    """
    _refuse_web_page(request)
    return Relayed(lambda send: _pass_on(forwarding, request, send), forwarding.server.caller_s)


def _refuse_web_page(request: Request) -> None:
    """Refuse a request that a browser sends for a web page of another machine.

    A page may send a form to any server, such as an upload, and the operator's key would be added.
    """
    origin = request.headers.get("origin")
    try:
        is_local = origin is None or urlsplit(origin).hostname in _LOCAL
    except ValueError:
        is_local = False
    if not is_local:
        message = "Requests from web pages of other machines are refused."
        raise ApiError(HTTPStatus.FORBIDDEN, message, code="origin_not_allowed")


async def _pass_on(forwarding: Forwarding, request: Request, send: Send) -> None:
    has_body = not {"content-length", "transfer-encoding"}.isdisjoint(request.headers)
    body_read = asyncio.Event() if has_body else None
    limit = forwarding.server.upload_bytes
    body = None if body_read is None else _limited(request, limit, body_read)
    async with aclosing(Caller(request, body_read)) as caller:
        try:
            async with caller.needed():
                answer = await forwarding.sent(request, body, is_read=False)
            try:
                async with caller.needed():
                    await _answer(answer, send, forwarding.server)
            finally:
                await answer.aclose()
        except (CallerGoneError, ClientDisconnect):
            return


async def _limited(request: Request, limit: int, body_read: asyncio.Event) -> AsyncIterator[bytes]:
    size = 0
    try:
        async for data in request.stream():
            size += len(data)
            if size > limit:
                message = f"The request body is larger than {limit} bytes."
                code = "request_too_large"
                raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code=code)
            yield data
    finally:
        body_read.set()


async def _answer(answer: httpx2.Response, send: Send, server: ModelServer) -> None:
    if server.key and answer.is_error:
        body = await read_whole(answer, server)
        headers = downward(answer.headers.raw, is_read=True)
        await send_whole(send, answer.status_code, headers, body)
        return
    headers = downward(answer.headers.raw, is_read=False)
    start = {"type": "http.response.start", "status": answer.status_code, "headers": headers}
    await send(start)
    parts: AsyncIterator[bytes] = answer.aiter_raw()
    if is_stream(answer) and "content-encoding" not in answer.headers:
        parts = lines_without_key(parts, server.key)
    try:
        async for data in parts:
            await send({"type": "http.response.body", "body": data, "more_body": True})
    except httpx2.HTTPError as error:
        raise ConnectionError(failure(error).message) from None
    await send({"type": "http.response.body", "body": b"", "more_body": False})
