"""One request on the wire, and what can be told of it where no answer comes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlencode

import httpx2

from backscroll_tools.client.failures import Fate, unreachable, unreadable
from backscroll_tools.client.profiles import Header, Upstream
from backscroll_tools.client.read_body import (
    ACCEPTED,
    BodyTooLargeError,
    BodyUnreadableError,
    read_body,
)
from backscroll_tools.client.requests import Request

if TYPE_CHECKING:
    import httpcore2  # what is asked in process never needs it

_NEVER_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)

_UNWRITTEN: Final = frozenset({"ConnectionNotAvailable", "WriteError"})
"""Errors of httpcore2 that say that not all of what was to be written was."""


class Http(Protocol):
    """What requests are sent with: an `httpx2.AsyncClient`, or as much of one as is needed."""

    @property
    def timeout(self) -> httpx2.Timeout:
        """How long to wait for a connection and for bytes."""
        ...

    async def send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        """Return the response to a request as it is, its body unread where it is streamed.

        Raises:
            httpx2.HTTPError: none came.
        """
        ...


_HEADERS: Final = (("User-Agent", "backscroll"), ("Accept", "application/json"), ACCEPTED)


@dataclass(slots=True)
class Exchange:
    """A request under way to an upstream, once.

    Attributes:
        upstream: where it goes.
        request: what goes there.
        sent: whether the request may have arrived whole. In process there is no connection to
            watch: there it may have as soon as it runs.
        reply: status, headers and unpacked body, once they have come whole.
        connection: that the reply came on, over a network.
    """

    upstream: Upstream
    request: Request
    sent: bool = False
    reply: tuple[int, httpx2.Headers, bytes] | None = None
    connection: "httpcore2.AsyncNetworkStream | None" = None

    @property
    def fate(self) -> Fate:
        """What is known of the request while no reply has come."""
        return "unknown" if self.sent else "unsent"

    async def run(self, http: Http, credential: list[Header], most: int) -> None:
        """Send the request, and keep the reply.

        Args:
            http: the connections.
            credential: the header that names the caller, if any.
            most: bytes of the unpacked body.

        Raises:
            ExchangeError: no whole reply came, or none that can be read.
        """
        self.sent = True
        try:
            await self._stream(http, credential, most)
        except _NEVER_SENT as error:
            raise unreachable(type(error).__name__, "unsent") from None
        except httpx2.HTTPError as error:
            raise unreachable(type(error).__name__, self.fate) from None
        except BodyUnreadableError:
            raise unreadable("The upstream's reply is packed wrongly or cut short.") from None
        except BodyTooLargeError:
            why = f"The upstream's reply is larger than {most / 1024 / 1024:g} MiB."
            raise unreadable(why, too_large=True) from None

    async def _stream(self, http: Http, credential: list[Header], most: int) -> None:
        response = await http.send(self._request(http, credential), stream=True)
        self.connection = response.extensions.get("network_stream")
        try:
            body = await read_body(response, most)
        finally:
            await response.aclose()
        self.reply = response.status_code, response.headers, body

    async def end_connection(self) -> None:
        """Close the connection that the reply came on: nothing more on it can be believed."""
        if self.connection is not None:
            await self.connection.aclose()

    def _request(self, http: Http, credential: list[Header]) -> httpx2.Request:
        """Return the request as it goes out, with nothing of a client's own merged into it."""
        upstream, request = self.upstream, self.request
        profile = upstream.profile
        url = upstream.base_url + profile.prefixes.get(request.group, "") + request.path
        own = request.headers(upstream.caller)
        query = urlencode((*profile.queries.get(request.group, ()), *request.query))
        return httpx2.Request(
            request.method,
            f"{url}?{query}" if query else url,
            headers=[*_HEADERS, *upstream.headers, *own, *credential],
            json=request.body,
            extensions={"timeout": http.timeout.as_dict(), "trace": self._note},
        )

    async def _note(self, event: str, info: Mapping[str, object]) -> None:
        """Note how far the request got: an event of httpcore2's `trace` extension."""
        _, _, step = event.partition(".")
        if step == "connect_tcp.started":
            self.sent = False
        elif step == "send_request_headers.started":
            self.sent = True
        elif step == "send_request_headers.failed":
            # The body is written after the headers: without them it never was.
            self.sent = type(info.get("exception")).__name__ not in _UNWRITTEN
