"""The error for a request that is refused, with an HTTP status and a reason."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from mcp.types import INTERNAL_ERROR, INVALID_REQUEST
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class RefusedError(Exception):
    """A request is refused.

    Args:
        status: the HTTP status (RFC 9110, section 15).
        sentence: explains what is wrong and how to fix it. It must not contain a key.
        headers: additional headers of the response; none by default.
    """

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.headers = dict(headers or {})

    @property
    def response(self) -> Response:
        """The response: a JSON-RPC error without an id (MCP specification, transports)."""
        is_internal = self.status == HTTPStatus.INTERNAL_SERVER_ERROR
        code = INTERNAL_ERROR if is_internal else INVALID_REQUEST
        error = {"code": code, "message": str(self)}
        body = json.dumps({"jsonrpc": "2.0", "id": None, "error": error})
        return Response(body, self.status, self.headers, "application/json")

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send `response`."""
        await self.response(scope, receive, send)
