"""The write stream of a connection: writes the SDK's messages as lines to stdout."""

import logging
from types import TracebackType
from typing import Final, Self, cast

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import (
    INTERNAL_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCResponse,
)

from backscroll.stdio.open_requests import OpenRequests
from backscroll.stdio.pipes import PipeWriter

_log: Final = logging.getLogger(__name__)


class Stream:
    """The common base class of the read stream and the write stream."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the stream."""


class Writer(Stream):
    """The write stream for the SDK. It writes each message as one line."""

    def __init__(self, sink: PipeWriter, requests: OpenRequests) -> None:
        self._sink = sink
        self._requests = requests
        self._muted: set[int] = set()

    def mute(self, number: int) -> None:
        """Drop the reply that the SDK will send to a request, because the front has answered it."""
        self._muted.add(number)

    async def send(self, item: SessionMessage) -> None:
        """Write a message from the SDK. In a reply, restore the id that the host gave the request.

        Raises:
            anyio.BrokenResourceError: the host no longer reads.
        """
        message = item.message
        if not isinstance(message, JSONRPCResponse | JSONRPCError):
            await self.write(message)
            return
        if isinstance(message, JSONRPCResponse) and "protocolVersion" in message.result:
            self._requests.version = str(message.result["protocolVersion"])
        number = cast("int", message.id)
        reply = message.model_copy(update={"id": self._requests.request_id(number)})
        try:
            if number not in self._muted:
                await self.write(reply)
        finally:
            self._muted.discard(number)
            self._requests.settle(number)

    async def write(self, message: JSONRPCMessage) -> None:
        """Write a message.

        Raises:
            anyio.BrokenResourceError: the host no longer reads.
        """
        try:
            text = message.model_dump_json(by_alias=True, exclude_unset=True)
        except ValueError:  # a lone surrogate, which UTF-8 cannot encode
            if not isinstance(message, JSONRPCResponse | JSONRPCError):
                raise
            _log.exception("a reply cannot be written")
            failed = ErrorData(code=INTERNAL_ERROR, message="The reply cannot be written as JSON.")
            message = JSONRPCError(jsonrpc="2.0", id=message.id, error=failed)
            text = message.model_dump_json(by_alias=True, exclude_unset=True)
        try:
            await self._sink.write(text.encode() + b"\n")
        except BrokenPipeError:
            raise anyio.BrokenResourceError from None

    async def aclose(self) -> None:
        """Close the output, after giving the host time to read it."""
        await self._sink.aclose()
