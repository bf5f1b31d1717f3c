"""Reads requests strictly and passes them to the MCP server; replies are streamed if needed."""

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
"""A body of this many bytes or more is parsed in a thread. A message must be smaller than this, not
counting the arguments of a call."""

_JSON: Final = "application/json"
_LARGE: Final = (
    f"A message must be smaller than {LARGE_BYTES} bytes, not counting the arguments of a call."
)
_TOO_LARGE: Final = f"The body has more than {BODY_BYTES} bytes. Send less in one message."


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A body that holds a message.

    Attributes:
        received: the message.
        body: the message as bytes of valid JSON, few enough to be parsed once more.
        arguments: the arguments of a call, if they were taken out of `received` and `body`.
    """

    received: Received
    body: bytes
    arguments: Mapping[str, object] | None = None


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return a request's whole body.

    Raises:
        RefusedError: 413 for more than `BODY_BYTES`, 400 if the client disconnects first.
    """
    declared = dict(scope["headers"]).get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > BODY_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"})
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "The client disconnected before its body was complete."
            )
        body += message.get("body", b"")
        if len(body) > BODY_BYTES:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE, {"Connection": "close"}
            )
        more = message.get("more_body", False)
    return bytes(body)


def wants_progress(received: Received) -> bool:
    """Whether a client asks for progress notifications, which are sent before the reply."""
    message = received.message
    if not isinstance(message, JSONRPCRequest):
        return False
    meta = (message.params or {}).get("_meta")
    return isinstance(meta, dict) and meta.get("progressToken") is not None


class Dispatcher:
    """Passes each request to an MCP server, independently of other requests.

    A reply is a stream if progress may have to be sent before it. Otherwise it is plain JSON, at a
    fraction of the cost. In both forms a client that hangs up cancels its call; the SDK alone
    would let a call run on that is answered in plain JSON.

    Args:
        server: the MCP server.
        streams: whether something may have to be sent before the reply to a message.
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
        """Serve until the end of the context, which can be entered only once."""
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
            receive: reports when the client disconnects; the body has already been read.
            send: sends the reply.
            received: the message.
            body: the message as bytes of valid JSON.
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
        """Return the session manager that answers a message: as a stream, or in plain JSON."""
        takes_streams = check_accept_headers(Request(scope))[1]
        return self._streaming if takes_streams and self._streams(received) else self._plain


async def _gone(receive: Receive) -> None:
    """Wait until a client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def check_types(scope: Scope) -> None:
    """Check that the body and the reply of a request may be JSON, before its body is read.

    Raises:
        RefusedError: 406 or 415 (MCP specification, transports, sending messages).
    """
    request = Request(scope)
    if not check_accept_headers(request)[0]:
        raise RefusedError(
            HTTPStatus.NOT_ACCEPTABLE, "The Accept header must allow application/json."
        )
    media_type = request.headers.get("content-type", _JSON).partition(";")[0]
    if media_type.strip().lower() != _JSON:
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")


async def parse_body(body: bytes) -> ParsedBody | JSONRPCError:
    """Parse a body as `parsed` does, a large one in a thread, so that no other request waits.

    Raises:
        RefusedError: as `parsed` does.
    """
    if len(body) < LARGE_BYTES:
        return parsed(body)
    return await anyio.to_thread.run_sync(parsed, body, abandon_on_cancel=True)


def parsed(body: bytes) -> ParsedBody | JSONRPCError:
    """Return the message in a body, or the error to answer with.

    Raises:
        RefusedError: 400 if nothing in the body can be answered, 413 if more than the arguments
            of a call is large.
    """
    match json_rpc.parse(body, BODY):
        case Received(refused="") as received:
            return ParsedBody(received, body) if len(body) < LARGE_BYTES else _slim(received)
        case Received() as received:
            return ParsedBody(received, _dumped(received.message))
        case JSONRPCError() as error:
            return error
        case json_rpc.Dropped(reason):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The body holds {reason}.")
        case None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is empty.")


def _slim(received: Received) -> ParsedBody:
    """Return a large message without its arguments, so that the SDK does not parse them again."""
    message, arguments = received.message, None
    if isinstance(message, JSONRPCRequest) and message.method == "tools/call":
        params = message.params or {}
        if isinstance(params.get("arguments"), dict):
            arguments = params["arguments"]
            message = message.model_copy(update={"params": {**params, "arguments": {}}})
    body = _dumped(message)
    if len(body) >= LARGE_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _LARGE)
    return ParsedBody(Received(message), body, arguments)


def _dumped(message: JSONRPCMessage) -> bytes:
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


async def answer_error(error: JSONRPCError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a body that holds no message with the error that says why."""
    body = error.model_dump_json(by_alias=True, exclude_unset=True)
    await Response(body, HTTPStatus.BAD_REQUEST, media_type="application/json")(
        scope, receive, send
    )
