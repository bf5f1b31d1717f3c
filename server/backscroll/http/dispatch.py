"""A request's way to the MCP server: strictly read, and streamed where it needs to be."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCRequest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from backscroll.http.refusals import RefusedError
from backscroll.mcp import json_rpc
from backscroll.mcp.flaws import BODY
from backscroll.mcp.json_rpc import Received

BODY_BYTES: Final = 4 * 1024 * 1024
"""The most bytes of a request's body."""

LARGE_BYTES: Final = 64 * 1024
"""From how many bytes on a body is parsed in a thread, and how many a message has at most but for
the arguments of a call."""

_JSON: Final = "application/json"
_LARGE: Final = f"A message has less than {LARGE_BYTES} bytes beside the arguments of a call."
_TOO_LARGE: Final = f"The body has more than {BODY_BYTES} bytes: send less in one message."


@dataclass(frozen=True, slots=True)
class Understood:
    """What a body says.

    Attributes:
        received: the message.
        body: the message as bytes, sound and short enough to be parsed once more.
        arguments: of a call, where they are left out of both.
    """

    received: Received
    body: bytes
    arguments: Mapping[str, object] | None = None


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return a request's whole body.

    Raises:
        RefusedError: 413 for more than `BODY_BYTES`, 400 for a body that breaks off.
    """
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > BODY_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"})
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The request broke off.")
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"}
            )
        more = message.get("more_body", False)
    return bytes(body)


def wants_progress(received: Received) -> bool:
    """Whether a client asks to be told of progress, which goes ahead of the reply."""
    message = received.message
    if not isinstance(message, JSONRPCRequest):
        return False
    meta = (message.params or {}).get("_meta")
    return isinstance(meta, dict) and meta.get("progressToken") is not None


class Dispatcher:
    """Has requests answered by an MCP server, each on its own.

    A reply is a stream where something may have to be sent ahead of it, which is progress. It is
    plain JSON otherwise, at a fraction of the cost. In both forms a client that hangs up cancels
    its call: the SDK alone would go on with one that is answered in plain JSON.

    Args:
        server: the MCP server.
        streams: whether something may have to be sent ahead of the reply to a message.
    """

    def __init__(
        self,
        server: Server[Any],
        streams: Callable[[Received], bool] = wants_progress,
    ) -> None:
        self._streams = streams
        self._streaming = StreamableHTTPSessionManager(
            server, stateless=True, max_request_body_size=BODY_BYTES
        )
        self._plain = StreamableHTTPSessionManager(
            server, stateless=True, json_response=True, max_request_body_size=BODY_BYTES
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the end of the context, which may be entered once."""
        async with self._streaming.run(), self._plain.run():
            yield

    async def answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        received: Received,
        body: bytes,
    ) -> None:
        """Answer a request.

        Args:
            scope: the request.
            receive: tells when the client has gone; the body has been read.
            send: takes the reply.
            received: the message.
            body: the message as bytes, sound.
        """
        manager = self.manager(scope, received)
        unread = [body]
        leaving = asyncio.create_task(_gone(receive))

        async def replay() -> Message:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            await asyncio.wait([leaving])
            return {"type": "http.disconnect"}

        # A task group for these two would cost every page several turns of the event loop.
        with anyio.CancelScope() as calling:
            leaving.add_done_callback(lambda task: None if task.cancelled() else calling.cancel())
            try:
                await manager.handle_request(scope, replay, send)
            finally:
                leaving.cancel()

    def manager(self, scope: Scope, received: Received) -> StreamableHTTPSessionManager:
        """Return what answers a message: as a stream, or plainly."""
        takes_streams = check_accept_headers(Request(scope))[1]
        return self._streaming if takes_streams and self._streams(received) else self._plain


async def _gone(receive: Receive) -> None:
    """Wait until a client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def check_types(scope: Scope) -> None:
    """Let a request through whose body and answer may be JSON, before its body is read.

    Raises:
        RefusedError: 406 or 415 (MCP specification, transports, sending messages).
    """
    request = Request(scope)
    if not check_accept_headers(request)[0]:
        raise RefusedError(
            HTTPStatus.NOT_ACCEPTABLE, "Accept must let the answer be application/json."
        )
    media_type = request.headers.get("content-type", _JSON).partition(";")[0]
    if media_type.strip().lower() != _JSON:
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")


async def understood(body: bytes) -> Understood | JSONRPCError:
    """Return what a body says, as `parsed` does; a large one holds up no other request.

    Raises:
        RefusedError: as `parsed` does.
    """
    if len(body) < LARGE_BYTES:
        return parsed(body)
    return await anyio.to_thread.run_sync(parsed, body, abandon_on_cancel=True)


def parsed(body: bytes) -> Understood | JSONRPCError:
    """Return what a body says, or what is answered instead.

    Raises:
        RefusedError: 400 for what has no place for an answer, 413 for what is large without being
            the arguments of a call.
    """
    match json_rpc.parse(body, BODY):
        case Received(refused="") as received:
            return Understood(received, body) if len(body) < LARGE_BYTES else _slim(received)
        case Received() as received:
            return Understood(received, _dumped(received.message))
        case JSONRPCError() as error:
            return error
        case json_rpc.Dropped(reason):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The body holds {reason}.")
        case None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is empty.")


def _slim(received: Received) -> Understood:
    """Return a large message without its arguments, which the SDK would parse once more."""
    message, arguments = received.message, None
    if isinstance(message, JSONRPCRequest) and message.method == "tools/call":
        params = message.params or {}
        if isinstance(params.get("arguments"), dict):
            arguments = params["arguments"]
            message = message.model_copy(update={"params": {**params, "arguments": {}}})
    body = _dumped(message)
    if len(body) >= LARGE_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _LARGE)
    return Understood(Received(message), body, arguments)


def _dumped(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


async def answer_error(error: JSONRPCError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a body that holds no message with what is wrong with it."""
    body = error.model_dump_json(by_alias=True, exclude_unset=True)
    await Response(body, HTTPStatus.BAD_REQUEST, media_type="application/json")(
        scope, receive, send
    )
