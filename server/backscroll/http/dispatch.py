"""Validates request bodies and passes them to the MCP server, which may stream its reply."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import anyio
import anyio.to_thread
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import check_accept_headers
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import JSONRPCError, JSONRPCMessage, JSONRPCRequest
from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from backscroll.http.refusals import RefusedError
from backscroll.mcp import json_rpc
from backscroll.mcp.flaws import BODY
from backscroll.mcp.json_rpc import Received

BODY_BYTES: Final = 4 * 1024 * 1024
"""The maximum size of the body of a request, in bytes."""

LARGE_BYTES: Final = 64 * 1024
"""Bodies of this many bytes or more are parsed in a thread. A message must be smaller than this,
not counting the arguments of a tool call."""

_JSON: Final = "application/json"
_LARGE: Final = (
    f"A message must be smaller than {LARGE_BYTES} bytes, "
    "not counting the arguments of a tool call."
)
_TOO_LARGE: Final = f"The body is larger than {BODY_BYTES} bytes. Send a smaller message."


class ParsedBody(Struct, frozen=True):
    """A message that was parsed from the body of a request.

    Attributes:
        received: the message.
        body: the message as valid JSON, which the SDK parses again.
        arguments: the arguments of a tool call if they were removed from `received` and `body`;
            otherwise None.
    """

    received: Received
    body: bytes
    arguments: Mapping[str, object] | None = None


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the whole body of a request.

    Raises:
        RefusedError: 413 if the body is larger than `BODY_BYTES`, 400 if the client disconnects
            before the end of the body.
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
    """Return whether the client asks for progress notifications, which precede the reply."""
    message = received.message
    if not isinstance(message, JSONRPCRequest):
        return False
    meta = (message.params or {}).get("_meta")
    return isinstance(meta, dict) and meta.get("progressToken") is not None


class Dispatcher:
    """Passes each request to an MCP server, in a separate session.

    A reply is streamed if notifications may precede it. Otherwise it is plain JSON, which takes
    much less time. In both cases, the call is cancelled if the client disconnects. The SDK alone
    would only cancel a call whose reply is streamed.

    Args:
        server: the MCP server.
        streams: returns whether notifications may precede the reply to a message.
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
        """Run the session managers until the context exits. Each dispatcher can run only once."""
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
        """Pass a request to the MCP server, which sends the reply.

        Args:
            scope: the request.
            receive: reports when the client disconnects; the body has already been read.
            send: sends the reply.
            received: the message.
            body: the message as bytes of valid JSON.
        """
        manager = self.manager(scope, received)
        unread = [body]
        disconnect = asyncio.create_task(_disconnected(receive))

        async def replay() -> Message:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            await asyncio.wait([disconnect])
            return {"type": "http.disconnect"}

        # Use a cancel scope and a callback, because a task group would take several more iterations
        # of the event loop for each request.
        with anyio.CancelScope() as call:
            disconnect.add_done_callback(lambda task: None if task.cancelled() else call.cancel())
            try:
                await manager.handle_request(scope, replay, send)
            finally:
                disconnect.cancel()

    def manager(self, scope: Scope, received: Received) -> StreamableHTTPSessionManager:
        """Return the session manager that streams replies, or the manager that replies with JSON.

        Replies are streamed if the client accepts streams and notifications may precede the reply.
        """
        streams = self._streams(received) and check_accept_headers(Request(scope))[1]
        return self._streaming if streams else self._plain


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


def check_types(scope: Scope) -> None:
    """Check the `Accept` and `Content-Type` headers of a request, before its body is read.

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
    """Parse a body as `parsed` does, but parse a large body in a thread.

    Without the thread, a large body would delay other requests.

    Raises:
        RefusedError: as in `parsed`.
    """
    if len(body) < LARGE_BYTES:
        return parsed(body)
    return await anyio.to_thread.run_sync(parsed, body, abandon_on_cancel=True)


def parsed(body: bytes) -> ParsedBody | JSONRPCError:
    """Return the message in a body, or the error reply if it has no valid message.

    Raises:
        RefusedError: 400 if the body is empty, or is an invalid message that needs no reply; 413 if
            the message is too large, not counting the arguments of a tool call.
    """
    body = json_rpc.without_mark(body)
    match json_rpc.parse(body, BODY):
        case Received() as received if len(body) >= LARGE_BYTES:
            return _slim(received)
        case Received(refused="", altered=False) as received:
            return ParsedBody(received, body)
        case Received() as received:
            return ParsedBody(received, dumped(received.message))
        case JSONRPCError() as error:
            return error
        case json_rpc.Dropped(reason):
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"The body is {reason}.")
        case None:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is empty.")


def message_body(received: Received) -> ParsedBody:
    """Return the body that a message of a batch would have if it were sent alone.

    Raises:
        RefusedError: 413 if the message is too large, not counting the arguments of a tool call.
    """
    body = dumped(received.message)
    return ParsedBody(received, body) if len(body) < LARGE_BYTES else _slim(received)


def _slim(received: Received) -> ParsedBody:
    """Remove the arguments from a large message, so that the SDK does not parse them again."""
    message, arguments = received.message, None
    if isinstance(message, JSONRPCRequest) and message.method == "tools/call":
        params = message.params or {}
        if isinstance(params.get("arguments"), dict):
            arguments = params["arguments"]
            message = message.model_copy(update={"params": {**params, "arguments": {}}})
    body = dumped(message)
    if len(body) >= LARGE_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _LARGE)
    return ParsedBody(replace(received, message=message), body, arguments)


def dumped(message: JSONRPCMessage) -> bytes:
    """Return a message as JSON."""
    return message.model_dump_json(by_alias=True, exclude_unset=True).encode()


async def answer_error(error: JSONRPCError, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an error reply, for a body that is not a valid message."""
    response = Response(dumped(error), HTTPStatus.BAD_REQUEST, media_type=_JSON)
    await response(scope, receive, send)
