"""The ASGI application of `backscroll view`: the page, its session, and its tool calls.

A link has a one-time code in its fragment, which browsers do not send. The page exchanges the code
for a secret, and sends the secret with each call. Another program or web page on this machine knows
neither, so it can read nothing.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, INVALID_REQUEST
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backscroll.http.refusals import RefusedError
from backscroll.mcp import page_file
from backscroll_tools import strict_json
from backscroll_tools.strict_json import JSONFlawError

BODY_BYTES: Final = 64 * 1024
"""The maximum size of a request's body, in bytes."""

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of every response."""


class Access:
    """The one-time code of the link, and the secret that the page receives for it."""

    def __init__(self) -> None:
        self.code = secrets.token_urlsafe(32)
        self._secret = secrets.token_urlsafe(32)
        self._is_used = False

    def exchange(self, code: str) -> str:
        """Return the secret, and make the code invalid.

        Raises:
            RefusedError: 403 if the code is wrong or was used before.
        """
        if self._is_used or not _equal(code, self.code):
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                "This link is wrong or was used already: run backscroll view again.",
            )
        self._is_used = True
        return self._secret

    def check(self, authorization: str) -> None:
        """Check the header `Authorization` of a call.

        Raises:
            RefusedError: 401 if the header does not contain the secret.
        """
        if not self._is_used or not _equal(authorization, f"Bearer {self._secret}"):
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "The page's secret is missing or wrong.")


def page_app(client: Client, access: Access, port: int) -> ASGIApp:
    """Return the application.

    Args:
        client: a client of an MCP server that offers only tools that read.
        access: the code of the link, and the secret of the page.
        port: the port that the server listens on. It is part of the allowed hosts and origins.
    """
    html = page_file.html()

    async def page(_: Request) -> Response:
        return HTMLResponse(html, headers={"Content-Security-Policy": _policy(html)})

    async def session(request: Request) -> Response:
        body = await _body(request)
        return JSONResponse({"secret": access.exchange(str(body.get("code")))})

    async def rpc(request: Request) -> Response:
        access.check(request.headers.get("authorization", ""))
        return JSONResponse(await _called(client, await _body(request)))

    routes = [
        Route("/", page, methods=["GET"]),
        Route("/session", session, methods=["POST"]),
        Route("/rpc", rpc, methods=["POST"]),
    ]
    app = Starlette(routes=routes)
    app.add_exception_handler(RefusedError, _refused)
    return _Guard(app, (f"127.0.0.1:{port}", f"localhost:{port}"))


async def _called(client: Client, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reply to a JSON-RPC request that calls a tool."""
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": body.get("id")}
    match body:
        case {
            "jsonrpc": "2.0",
            "method": "tools/call",
            "params": {"name": str() as name, "arguments": dict() as arguments},
        }:
            try:
                result = await client.call_tool(name, arguments)
            except MCPError as error:
                return {**reply, "error": {"code": error.code, "message": error.message}}
            dumped = result.model_dump(mode="json", by_alias=True, exclude_none=True)
            return {**reply, "result": dumped}
        case {"jsonrpc": "2.0", "method": "tools/call"}:
            refusal = {"code": INVALID_PARAMS, "message": "A call needs a name and arguments."}
        case _:
            refusal = {"code": INVALID_REQUEST, "message": "Only tools/call is served."}
    return {**reply, "error": refusal}


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        RefusedError: 415 if the media type is not JSON, 413 if the body is larger than
            `BODY_BYTES`, 400 if the body is not a JSON object.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large.")
    try:
        parsed = strict_json.loads(bytes(body))
    except JSONFlawError:
        parsed = None
    if not isinstance(parsed, dict):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The body must be a JSON object.")
    return parsed


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, RefusedError):
        raise error
    return error.response


def _policy(html: str) -> str:
    """Return the Content-Security-Policy of the page: its own script and style, and this server."""
    scripts = _hashes(re.findall(r"<script>(.*?)</script>", html, re.DOTALL))
    styles = _hashes(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    return (
        f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _hashes(texts: Iterable[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


def _equal(given: str, expected: str) -> bool:
    """Compare two texts in a time that does not depend on where they differ."""
    return secrets.compare_digest(given.encode(), expected.encode())


class _Guard:
    """Refuses other hosts and origins, and adds the security headers to every response.

    The owner of a web page can make the page's host name resolve to this machine (DNS rebinding).
    The page's requests then have the page's host name in the headers `Host` and `Origin`.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = hosts
        self._origins = tuple(f"http://{host}" for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        app = self._app
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            app = RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST, "The Host header is not allowed."
            ).response
        elif any(origin.lower() not in self._origins for origin in origins):
            app = RefusedError(HTTPStatus.FORBIDDEN, "The Origin header is not allowed.").response
        await app(scope, receive, send_with_headers)
