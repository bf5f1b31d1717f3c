"""Our runtime with what the product has not: sessions, for servers that ask their clients back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Message, Receive, Scope, Send

from backscroll.http.dispatch import BODY_BYTES, Dispatcher
from backscroll.mcp.json_rpc import Received


class ExchangeInSessions(Dispatcher):
    """Has requests of 2025-11-25 answered in sessions, which the SDK keeps in this process.

    All else is the product's own: the gate, the limits, the strict reading of messages, request
    ids, and hang-ups. POST remains the only method, so what is sent goes with a reply.

    Args:
        server: the MCP server.
    """

    def __init__(self, server: Server[Any]) -> None:
        super().__init__(server)
        self._sessions = StreamableHTTPSessionManager(server, max_request_body_size=BODY_BYTES)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve until the end of the context, which may be entered once."""
        async with super().running(), self._sessions.run():
            yield

    def manager(self, _scope: Scope, _received: Received) -> StreamableHTTPSessionManager:
        """Return what finds a message's session, or opens it."""
        return self._sessions

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, received: Received, body: bytes
    ) -> None:
        """Answer a request, and do not take the end of the reply for a client that hangs up.

        Both read as `http.disconnect`. Without sessions nothing follows a reply; in them the SDK
        then keeps the session that it opened, or hands on the client's answer.
        """
        ended = False

        async def sent(message: Message) -> None:
            nonlocal ended
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        async def heard() -> Message:
            message = await receive()
            if ended:
                await anyio.sleep_forever()
            return message

        await super().answer(scope, heard, sent, received, body)
