"""The embedded store asked in process: an HTTP client without what only a network needs.

`httpx2.ASGITransport` stands below cookies, redirects, proxies, authentication, pools and timeouts,
none of which there is between two halves of one process; going through them takes longer than the
store needs for a page.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlencode

import anyio
import httpx2
from starlette.types import ASGIApp, Message

from backscroll.store.wire import dump_json


class InProcessClient(httpx2.AsyncClient):
    """A client whose `stream` asks an ASGI application; what a tool's client uses.

    Args:
        app: the application; whoever opened it closes it.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(transport=httpx2.ASGITransport(app), trust_env=False)
        self._app = app

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: httpx2.URL | str,
        **options: Any,  # noqa: ANN401 - as httpx2 has them
    ) -> AsyncIterator[httpx2.Response]:
        """Send a request, and yield the response, which has been read.

        Args:
            method: in capitals.
            url: absolute; its host is not looked at.
            options: `params` and `headers`, pairs of text, and `json`, the body.
        """
        json, pairs = options.get("json"), options.get("params") or ()
        body = b"" if json is None else dump_json(json).encode()
        scope = _scope(method, str(url), pairs, options.get("headers") or (), body)
        exchange = _Exchange(body)
        await self._app(scope, exchange.receive, exchange.send)
        content = bytes(exchange.body)
        yield httpx2.Response(exchange.status, headers=exchange.headers, content=content)


class _Exchange:
    """The two callables of one ASGI request (ASGI specification, HTTP and WebSocket)."""

    def __init__(self, body: bytes) -> None:
        self._request: bytes | None = body
        self._answered = anyio.Event()
        self.status = 0
        self.headers: Sequence[tuple[bytes, bytes]] = ()
        self.body = bytearray()

    async def receive(self) -> Message:
        if self._request is None:
            await self._answered.wait()
            return {"type": "http.disconnect"}
        body, self._request = self._request, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                self._answered.set()


def _scope(
    method: str,
    url: str,
    params: Sequence[tuple[str, str]],
    headers: Sequence[tuple[str, str]],
    body: bytes,
) -> dict[str, Any]:
    _, _, address = url.partition("://")
    host, _, path = address.partition("/")
    sent = [(b"host", host.encode())]
    sent += [(name.lower().encode(), value.encode()) for name, value in headers]
    if body:
        sent += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": "/" + unquote(path),
        "raw_path": b"/" + path.encode(),
        "root_path": "",
        "query_string": urlencode(params).encode(),
        "headers": sent,
        "server": (host, None),
        "client": ("127.0.0.1", 0),
    }
