"""Sends one request, and tracks whether the upstream may have received it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

import httpx2
from msgspec import Struct

from backscroll_tools.client.environment import UnusableVariableError
from backscroll_tools.client.failures import (
    Fate,
    UnreachableError,
    too_large,
    unreachable,
    unreadable,
)
from backscroll_tools.client.profiles import Header, Upstream
from backscroll_tools.client.read_body import (
    ACCEPTED,
    BodyTooLargeError,
    BodyUnreadableError,
    read_body,
)
from backscroll_tools.client.requests import Request

if TYPE_CHECKING:
    import httpcore2  # not needed for an in-process upstream

_NEVER_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)

_UNWRITTEN: Final = frozenset({"ConnectionNotAvailable", "WriteError"})
"""Errors of httpcore2 after which the request was not written completely."""


class Http(Protocol):
    """The part of the interface of `httpx2.AsyncClient` that is needed to send requests."""

    @property
    def timeout(self) -> httpx2.Timeout:
        """The time limits for opening a connection, and for reading and writing bytes."""
        ...

    async def send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        """Send a request, and return the response.

        Args:
            request: the request.
            stream: whether to leave the response's body unread.

        Raises:
            httpx2.HTTPError: no response arrived.
        """
        ...


_HEADERS: Final = (("User-Agent", "backscroll"), ("Accept", "application/json"), ACCEPTED)


class Exchange(Struct):
    """A request that is sent to an upstream once.

    Attributes:
        upstream: the upstream that the request is sent to.
        request: the request.
        sent: whether the whole request may have reached the upstream. An in-process upstream has no
            connection to observe, so this is True as soon as `run` is called.
        reply: the status, the headers and the decompressed body, once the whole reply has arrived.
        connection: the connection that the reply arrived on; None if no network was used.
    """

    upstream: Upstream
    request: Request
    sent: bool = False
    reply: tuple[int, httpx2.Headers, bytes] | None = None
    connection: "httpcore2.AsyncNetworkStream | None" = None

    @property
    def fate(self) -> Fate:
        """Whether a request without a reply may have arrived: `unknown` if so, else `unsent`."""
        return "unknown" if self.sent else "unsent"

    async def run(self, http: Http, credential: list[Header], most: float) -> None:
        """Send the request, and store the reply.

        Args:
            http: sends the request over a connection.
            credential: the header that authenticates the caller; an empty list if none is needed.
            most: the maximum size of the reply's body, decompressed, in bytes.

        Raises:
            ExchangeError: no complete reply arrived, or the reply cannot be read.
        """
        self.sent = True
        try:
            await self._stream(http, credential, most)
        except UnusableVariableError as error:
            raise UnreachableError(
                "upstream_unavailable", str(error), next_step="Ask the operator to do so."
            ) from None
        except _NEVER_SENT as error:
            raise unreachable(type(error).__name__, "unsent") from None
        except httpx2.HTTPError as error:
            raise unreachable(type(error).__name__, self.fate) from None
        except BodyUnreadableError:
            raise unreadable(
                "The upstream's reply is truncated or not correctly compressed."
            ) from None
        except BodyTooLargeError as error:
            raise too_large(most, error.head, error.tail, error.size) from None

    async def _stream(self, http: Http, credential: list[Header], most: float) -> None:
        response = await http.send(self._request(http, credential), stream=True)
        self.connection = response.extensions.get("network_stream")
        try:
            # If a single item is too large, its id is needed for the next page. The id may be at
            # the end of the body.
            body = await read_body(response, most, to_end=self.request.limit == 1)
        finally:
            await response.aclose()
        self.reply = response.status_code, response.headers, body

    async def end_connection(self) -> None:
        """Close the connection that the reply arrived on, because it can no longer be trusted."""
        if self.connection is not None:
            await self.connection.aclose()

    def _request(self, http: Http, credential: list[Header]) -> httpx2.Request:
        """Return the HTTP request, with all headers that are sent."""
        upstream, request = self.upstream, self.request
        profile = upstream.profile
        url = upstream.base_url + profile.prefixes.get(request.group, "") + request.path
        own = request.headers(upstream.caller)
        query = [*profile.queries.get(request.group, ()), *request.query]
        if profile.abridges and request.preview is not None:
            query.append(("abridged", str(request.preview)))
        return httpx2.Request(
            request.method,
            _url(url, tuple(query)),
            headers=[*_HEADERS, *upstream.headers, *own, *credential],
            json=request.body,
            extensions={"timeout": http.timeout.as_dict(), "trace": self._note},
        )

    async def _note(self, event: str, info: Mapping[str, object]) -> None:
        """Record the progress of the request, from an event of httpcore2's `trace` extension."""
        _, _, step = event.partition(".")
        if step == "connect_tcp.started":
            self.sent = False
        elif step == "send_request_headers.started":
            self.sent = True
        elif step == "send_request_headers.failed":
            # The body is written after the headers. If the headers were not written completely, the
            # upstream has not received a whole request.
            self.sent = type(info.get("exception")).__name__ not in _UNWRITTEN


@lru_cache(maxsize=64)  # many requests in a row are for the same thread
def _url(address: str, query: tuple[Header, ...]) -> httpx2.URL:
    """Return the URL of an endpoint with a query. URLs are cached, because parsing is slow."""
    encoded = urlencode(query)
    return httpx2.URL(f"{address}?{encoded}" if encoded else address)
