"""The error of a refused request: its HTTP status and the reason."""

import json
from collections.abc import Mapping

from mcp.types import INVALID_REQUEST
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class RefusedError(Exception):
    """A refused request.

    Args:
        status: the HTTP status (RFC 9110, section 15).
        sentence: what is wrong and what to do; never contains a key.
        headers: the headers of the response; none by default.
    """

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = dict(headers or {})

    @property
    def response(self) -> Response:
        """A JSON-RPC error that has no id (MCP specification, transports)."""
        error = {"code": INVALID_REQUEST, "message": str(self)}
        body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error})
        return Response(body, self.status, self.headers, "application/json")

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with `response`."""
        await self.response(scope, receive, send)
