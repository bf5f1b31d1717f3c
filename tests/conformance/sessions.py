"""Our runtime with sessions, which the product lacks, for servers that ask their clients."""

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
    """Answers requests of 2025-11-25 in sessions, which the SDK keeps in this process.

    Everything else is the product's own: the gate, the limits, the strict parsing of messages,
    request ids, and disconnects. POST is the only method, so a request to the client is sent with
    a reply.

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
        """Return the session manager, which finds a message's session or opens one."""
        return self._sessions

    async def answer(
        self, scope: Scope, receive: Receive, send: Send, received: Received, body: bytes
    ) -> None:
        """Answer a request, and do not take the end of the reply for a client that disconnects.

        Both are an `http.disconnect`. Without sessions nothing happens after a reply. With them,
        the SDK then stores the session that it opened, or passes on the client's response.
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
