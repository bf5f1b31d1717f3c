"""The async client: the one place where the tools do I/O."""

import math
from typing import Final

import httpx2

from backscroll_tools.client import failures, replies
from backscroll_tools.client.failures import outcome_unknown, unreachable
from backscroll_tools.client.profiles import Header, Upstream
from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON

BODY_BYTES: Final = 64 * 1024 * 1024
"""The most bytes of a reply, decoded, that are read before the reply is refused.

100 messages of 256,000 characters, the largest page that the API can be asked for, are 25 MB as
ASCII.
"""

_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_CLOSED: Final = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
_MAY_HAVE_ACTED: Final = frozenset({408, 500, 502, 504})
"""Statuses after which a write may stand: the upstream, or a proxy before it, gave up midway."""


class Client:
    """Speaks to one upstream.

    Args:
        http: the connection pool for reads; the caller closes it.
        upstream: where to send requests, and what is known of what answers there.
        writing: the pool for writes, by default the one for reads. Over a network it should keep
            no connection: one that was closed by its other end, unseen, leaves a write's outcome
            unknown, where a read is simply sent again (docs/upstreams.md).
        requests: how many requests it may make in all; by default as many as are asked for.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        upstream: Upstream,
        writing: httpx2.AsyncClient | None = None,
        requests: float = math.inf,
    ) -> None:
        self._reading = http
        self._writing = writing or http
        self._left = requests
        self.upstream = upstream

    def bounded(self, requests: int) -> "Client":
        """Return a client over the same connections that makes this many requests at most."""
        return Client(self._reading, self.upstream, self._writing, requests)

    async def send(self, request: Request) -> JSON:
        """Send one request and return the reply's JSON object.

        Raises:
            ToolError: with the code that the failure stands for: `upstream_retired` for an
                endpoint that the upstream lacks, `outcome_unknown` only for a write that the
                upstream may have acted on.
        """
        if request.group not in self.upstream.profile.serves:
            raise failures.not_served(self.upstream.profile)
        try:
            status, headers, body = await self._exchange(request)
            if httpx2.codes.is_success(status):
                return replies.decode(body)
        except ToolError as error:
            if request.method == "POST" and error.code == "upstream_invalid":
                raise outcome_unknown(request) from None  # acted on, and answered with no JSON
            raise
        if request.method == "POST" and status in _MAY_HAVE_ACTED:
            raise outcome_unknown(request)
        key = next((value.split(" ")[-1] for _, value in await self._credential()), "")
        raise failures.failure(self.upstream.profile, status, headers, body, key)

    async def page(self, request: Request) -> replies.Reply:
        """Send a request for a list and return its envelope, with what can be believed of it.

        Raises:
            ToolError: as `send` does.
        """
        trusted = self.upstream.profile.trusts_has_more
        return replies.listed(await self.send(request), request, trusted=trusted)

    async def find(self, request: Request) -> JSON | None:
        """Send a request for one object and return it, or None where the upstream has none.

        Raises:
            ToolError: as `send` does, but for `not_found`.
        """
        try:
            return await self.send(request)
        except ToolError as error:
            if error.code == "not_found":
                return None
            raise

    async def _exchange(self, request: Request) -> tuple[int, httpx2.Headers, bytes]:
        """Return the status, the headers and the body of the reply to a request."""
        try:
            if request.method == "POST":
                return await self._once(self._writing, request)
            try:
                return await self._once(self._reading, request)
            except _CLOSED:
                return await self._once(self._reading, request)
        except _NEVER_SENT as error:
            raise unreachable(error) from None
        except httpx2.HTTPError as error:
            if request.method == "POST":
                raise outcome_unknown(request) from None
            raise unreachable(error) from None

    async def _once(
        self, http: httpx2.AsyncClient, request: Request
    ) -> tuple[int, httpx2.Headers, bytes]:
        if self._left < 1:
            raise ToolError(
                "upstream_unavailable",
                "The call would take more requests to the upstream than one call may make.",
                next_step="Ask for less at once with limit, and go on with cursor.",
            )
        self._left -= 1
        profile = self.upstream.profile
        query = (*profile.queries.get(request.group, ()), *request.query)
        async with http.stream(
            request.method,
            self.upstream.base_url + profile.prefixes.get(request.group, "") + request.path,
            params=list(query),
            headers=[*self.upstream.headers, *request.headers, *await self._credential()],
            json=request.body,
        ) as response:
            return response.status_code, response.headers, await _read(response)

    async def _credential(self) -> list[Header]:
        credential = self.upstream.credential
        return [] if credential is None else [await credential()]


async def _read(response: httpx2.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > BODY_BYTES:
            raise ToolError(
                "upstream_invalid",
                f"The upstream's reply is larger than {BODY_BYTES // 1024 // 1024} MiB.",
                next_step="Ask for fewer items with `limit`.",
            )
        chunks.append(chunk)
    return b"".join(chunks)
