"""Sends requests on to the model server, and converts its failures into errors of OpenAI's API."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import httpx2
from starlette.requests import Request

from backscroll.store.api_errors import SERVER_ERROR, ApiError
from backscroll.store.recorder.model_server import ModelServer
from backscroll.store.recorder.relaying.headers import NONCE, identifies_caller, upward
from backscroll.store.recorder.relaying.key_redaction import headers_without_key
from backscroll_tools.client.connections import Connections
from backscroll_tools.client.environment import UnusableVariableError

_PREFIX: Final = b"/v1"
_VERSION: Final = b"api-version"
"""A parameter that every request to Azure has."""

_MOST: Final = 1_000
"""The maximum number of concurrent requests over kept connections, and over others."""

_KEPT: Final = 200
"""The maximum number of idle connections that are kept."""

_KEPT_S: Final = 2.0
"""How long an idle connection is kept, in seconds. Many servers close theirs after 5 seconds."""


@asynccontextmanager
async def connected(server: ModelServer) -> "AsyncIterator[Forwarding]":
    """Open the connections to a model server, and close them on exit."""
    async with (
        Connections(
            kept=_KEPT, in_all=_KEPT, idle_s=_KEPT_S, most=_MOST, identifies=identifies_caller
        ) as kept,
        Connections(kept=0, most=_MOST) as unkept,
    ):
        yield Forwarding(server, kept, unkept)


class Forwarding:
    """Sends requests on to the model server.

    Args:
        server: the model server.
        kept: connections that are used again, each for one caller.
        unkept: connections that are not. They are for queries that may have a caller's key, and for
            bodies that are sent while they are received. The model server may answer such a request
            before it has all of it. On a connection that was used before, that could also be an
            answer to another request.
    """

    def __init__(self, server: ModelServer, kept: Connections, unkept: Connections) -> None:
        self.server = server
        self._kept = kept
        self._unkept = unkept
        self._timeouts = httpx2.Timeout(server.idle_s, connect=server.connect_s).as_dict()
        self._nonce = secrets.token_hex(8).encode()
        url = server.url.rstrip("/")
        self._base = url if urlsplit(url).path else f"{url}/v1"

    async def sent(
        self, request: Request, content: bytes | AsyncIterable[bytes] | None, *, is_read: bool
    ) -> httpx2.Response:
        """Send a request on, and return the answer, whose body is not read yet. Close it after use.

        Args:
            request: the caller's request.
            content: the body to send; None for no body.
            is_read: whether the recorder reads the answer, as for `headers.upward`.

        Raises:
            ApiError: 508 if this recorder sent the request itself; 404 for a path that leaves the
                API; 502 or 504 if the model server does not answer; 502 if it redirects a request
                whose answer the recorder reads.
        """
        given = list(request.headers.raw)
        self._refuse_loop(given)
        headers = upward(given, self._nonce, self.server.key, is_read=is_read)
        try:
            url = self._url(request)
            # A query may have a key, so it is not kept.
            parsed = httpx2.URL(url) if request.scope["query_string"] else _parsed(url)
            upstream = httpx2.Request(
                request.method,
                parsed,
                headers=headers,
                content=content,
                extensions={"timeout": self._timeouts},
            )
            is_whole = content is None or isinstance(content, bytes)
            is_kept = is_whole and not _may_have_key(request.scope["query_string"])
            connections = self._kept if is_kept else self._unkept
            async with asyncio.timeout(self.server.answer_s):
                answer = await connections.send(upstream, stream=True)
        except httpx2.InvalidURL:
            raise _no_such_url(request) from None
        except httpx2.HTTPError as error:
            raise failure(error) from None
        except TimeoutError:
            raise too_slow() from None
        if is_read and answer.is_redirect:
            await answer.aclose()
            raise _redirected(answer.status_code)
        if not answer.is_success:
            answer.headers = headers_without_key(answer.headers, self.server.key)
        return answer

    def _refuse_loop(self, given: list[tuple[bytes, bytes]]) -> None:
        passed = b",".join(value for name, value in given if name == NONCE)
        if self._nonce in map(bytes.strip, passed.split(b",")):
            message = (
                "The request has passed this recorder before: BACKSCROLL_MODEL_URL leads back to "
                "it. Set it to the base URL of a model server."
            )
            headers = {"X-Should-Retry": "false"}
            raise ApiError(
                HTTPStatus.LOOP_DETECTED, message, code="forwarding_loop", headers=headers
            )

    def _url(self, request: Request) -> str:
        raw: bytes = request.scope["raw_path"]
        path = raw.removeprefix(_PREFIX).decode("ascii", "replace")
        plain = path.lower().replace("%2e", ".")
        segments = re.split(r"/|\\|%2f|%5c", plain)
        if not raw.startswith(_PREFIX) or {".", ".."} & set(segments):
            raise _no_such_url(request)
        query = request.scope["query_string"].decode("ascii", "replace")
        return f"{self._base}{path}?{query}" if query else f"{self._base}{path}"


@lru_cache(16)
def _parsed(url: str) -> httpx2.URL:
    """Return a URL. It is the same for most requests, and takes long to parse.

    Raises:
        InvalidURL: it is not a URL.
    """
    return httpx2.URL(url)


def _may_have_key(query: bytes) -> bool:
    """Return whether a query may have a caller's key, as for Google's API."""
    return any(name != _VERSION for name, _ in parse_qsl(query, keep_blank_values=True))


def _no_such_url(request: Request) -> ApiError:
    message = f"Invalid URL ({request.method} {request.url.path})"
    return ApiError(HTTPStatus.NOT_FOUND, message)


def failure(error: httpx2.HTTPError) -> ApiError:
    """Return the error for a model server that does not answer, or whose answer was cut off."""
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        message = "The model server cannot be reached. Nothing was sent to it. Try again later."
        if isinstance(error, UnusableVariableError):
            message = str(error)
        return _unavailable(HTTPStatus.BAD_GATEWAY, message, "model_server_unreachable")
    if isinstance(error, httpx2.TimeoutException):
        message = "The model server did not answer in time."
        return _unavailable(HTTPStatus.GATEWAY_TIMEOUT, message, "model_server_timeout")
    return cut_off()


def cut_off() -> ApiError:
    """Return the error for an answer that ended before it was complete."""
    message = "The model server closed the connection before its answer was complete."
    return _unavailable(HTTPStatus.BAD_GATEWAY, message, "model_server_disconnected")


def too_slow() -> ApiError:
    """Return the error for an answer that takes longer than `ModelServer.answer_s`."""
    message = "The model server's answer takes too long, so it was ended."
    return _unavailable(HTTPStatus.GATEWAY_TIMEOUT, message, "model_server_timeout")


def too_large(limit: int) -> ApiError:
    """Return the error for an answer that is larger than `limit` bytes."""
    message = f"The model server's answer is larger than {limit} bytes."
    return _unavailable(HTTPStatus.BAD_GATEWAY, message, "model_server_answer_too_large")


def not_json(status: int) -> ApiError:
    """Return the error for an answer that is not JSON, such as a web page of a proxy.

    Args:
        status: the answer's status. If it is an error's, the caller gets the same status.
    """
    message = f"The model server answered with status {status}, but not with JSON."
    passed_on = status if status >= HTTPStatus.BAD_REQUEST else HTTPStatus.BAD_GATEWAY
    return _unavailable(passed_on, message, "model_server_answer_invalid")


def _redirected(status: int) -> ApiError:
    """Return the error for a redirect. A client that followed it would pass the recorder by."""
    message = (
        f"The model server answered with a redirect (status {status}), which is not followed. Set "
        "BACKSCROLL_MODEL_URL to the URL that it leads to."
    )
    return _unavailable(HTTPStatus.BAD_GATEWAY, message, "model_server_redirects")


def _unavailable(status: int, message: str, code: str) -> ApiError:
    return ApiError(status, message, code=code, kind=SERVER_ERROR)
