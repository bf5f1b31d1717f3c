"""Gives each request an id, which appears in the response, the log and error messages."""

import re
import secrets
from itertools import count
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backscroll.process.logs import request_id_now

HEADER: Final = "X-Request-Id"

_PROCESS: Final = secrets.token_hex(6)
_numbers: Final = count(1)
_VALID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RequestIds:
    """ASGI middleware that uses the id in `X-Request-Id` if it is valid, otherwise a new id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add its id to the response's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).getlist(HEADER)
        valid = len(given) == 1 and _VALID.fullmatch(given[0])
        request_id = given[0] if valid else f"{_PROCESS}-{next(_numbers):x}"

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        token = request_id_now.set(request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            request_id_now.reset(token)
