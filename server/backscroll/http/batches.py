"""Handles batches: request bodies that contain several messages. Only MCP 2025-03-26 has them.

Each message counts towards the caller's limits, and appears in the audit log and the metrics, as if
it had been sent alone. The messages of a batch are handled one after another, so a batch counts as
a single concurrent request.
"""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Final, TypeAlias

import anyio.to_thread
from mcp.types import INVALID_REQUEST, ErrorData, JSONRPCError, JSONRPCRequest, RequestId
from msgspec import Struct
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from backscroll.http import dispatch
from backscroll.http.dispatch import LARGE_BYTES, ParsedBody
from backscroll.http.refusals import RefusedError
from backscroll.mcp import json_rpc
from backscroll.mcp.json_rpc import Dropped, Parsed, Received

MESSAGES: Final = 50
"""The maximum number of messages in a batch."""

Each: TypeAlias = ParsedBody | JSONRPCError | RefusedError
"""A message of a batch, after parsing. A message that is invalid or refused becomes an error reply,
or a `RefusedError` if it needs no reply."""

AnswerOne: TypeAlias = Callable[[ParsedBody, Scope, Receive, Send], Awaitable[None]]
"""A function that handles one message, as if it had been sent alone."""

_ALONE: Final = "initialize must not be part of a batch. Send it alone."


async def parse(body: bytes) -> list[Each] | JSONRPCError | None:
    """Return the messages of a batch, an error if the batch is invalid, or None if it is no batch.

    A large body is parsed in a thread, so that it does not delay other requests.
    """
    if len(body) < LARGE_BYTES:
        return _parsed(body)
    return await anyio.to_thread.run_sync(_parsed, body, abandon_on_cancel=True)


class Batch(Struct, frozen=True):
    """Answers a batch with one array of replies, or with status 202 if no message needs a reply.

    If no message needs a reply, but messages were refused, the response is the first refusal.
    Status 202 would be wrong, because it tells the client that the server has accepted all messages
    (MCP 2025-03-26, transports, sending messages).

    Attributes:
        messages: the messages of the batch.
        admit: counts a message towards the caller's limits, and raises `RefusedError` if a limit is
            exceeded. It is called before each message except the first, which was counted when the
            request arrived.
        answer_one: handles one message.
    """

    messages: Sequence[Each]
    admit: Callable[[], None]
    answer_one: AnswerOne

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the messages of the batch, and send the response."""
        replies: list[bytes] = []
        refusals: list[RefusedError] = []
        for at, message in enumerate(self.messages):
            match self._admitted(message) if at else message:
                case RefusedError() as refused:
                    refusals.append(refused)
                case JSONRPCError() as error:
                    replies.append(dispatch.dumped(error))
                case ParsedBody() as parsed:
                    reply = await self._reply(parsed, scope, receive)
                    if reply:
                        replies.append(reply)
                    elif isinstance(parsed.received.message, JSONRPCRequest):
                        return  # the client has disconnected
        response = Response(status_code=HTTPStatus.ACCEPTED)
        if replies:
            response = Response(b"[" + b",".join(replies) + b"]", media_type="application/json")
        elif refusals:
            response = refusals[0].response
        await response(scope, receive, send)

    def _admitted(self, message: Each) -> Each:
        try:
            self.admit()
        except RefusedError as refused:
            return _refused(message, refused)
        return message

    async def _reply(self, parsed: ParsedBody, scope: Scope, receive: Receive) -> bytes:
        """Return the reply to a message; empty if none is needed or the client has disconnected."""
        reply = bytearray()

        async def collect(message: Message) -> None:
            reply.extend(message.get("body", b""))

        # The reply must be plain JSON, so do not accept the media type of event streams.
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept"]
        alone = {**scope, "headers": [*headers, (b"accept", b"application/json")]}
        await self.answer_one(parsed, alone, receive, collect)
        return bytes(reply)


def _parsed(body: bytes) -> list[Each] | JSONRPCError | None:
    batch = json_rpc.parse_batch(body, MESSAGES)
    return [_each(message) for message in batch] if isinstance(batch, list) else batch


def _each(message: Parsed) -> Each:
    match message:
        case Received(message=JSONRPCRequest(method="initialize", id=request_id)):
            return _error(request_id, _ALONE)
        case Received() as received:
            try:
                return dispatch.message_body(received)
            except RefusedError as refused:
                return _refused(ParsedBody(received, b""), refused)
        case JSONRPCError() as error:
            return error
        case Dropped(reason):
            return RefusedError(HTTPStatus.BAD_REQUEST, f"A message of the batch is {reason}.")
        case None:
            raise AssertionError("a batch contains no blank messages")


def _refused(each: Each, refused: RefusedError) -> Each:
    """Return an error reply to a refused message if it needs a reply, otherwise `refused`."""
    match each:
        case ParsedBody(received=Received(message=JSONRPCRequest(id=request_id))):
            return _error(request_id, str(refused))
        case JSONRPCError(id=request_id):
            return _error(request_id, str(refused))
        case _:
            return refused


def _error(request_id: RequestId | None, message: str) -> JSONRPCError:
    error = ErrorData(code=INVALID_REQUEST, message=message)
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=error)
