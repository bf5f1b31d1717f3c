"""The async client: the one place where the tools do I/O."""

from typing import Final

import httpx2

from backscroll_tools.client import replies
from backscroll_tools.client.profiles import Upstream
from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON

BODY_BYTES: Final = 64 * 1024 * 1024
"""The most bytes of a reply, decoded, that are read before the reply is refused.

100 messages of 256,000 characters, the largest page that the API can be asked for, are 25 MB as
ASCII.
"""


class Client:
    """Speaks to one upstream.

    Args:
        http: the connection pool, with the transport of choice; the caller closes it.
        upstream: where to send requests, and what is known of what answers there.
    """

    def __init__(self, http: httpx2.AsyncClient, upstream: Upstream) -> None:
        self._http = http
        self.upstream = upstream

    async def send(self, request: Request) -> JSON:
        """Send one request and return the reply's JSON object.

        Raises:
            ToolError: with the code that the failure stands for. `outcome_unknown` only for a
                write that the upstream may have acted on.
        """
        writes = request.method == "POST"
        try:
            async with self._http.stream(
                request.method,
                self.upstream.base_url + request.path,
                params=list(request.query),
                headers=[*self.upstream.headers, *request.headers],
                json=request.body,
            ) as response:
                body = await _read(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise _unreachable(error) from None
        except httpx2.HTTPError as error:
            raise (outcome_unknown(request) if writes else _unreachable(error)) from None
        if response.is_success:
            return replies.decode(body)
        if writes and response.status_code in _MAY_HAVE_ACTED:
            raise outcome_unknown(request)
        raise replies.failure(response.status_code, response.headers, body)

    async def list(self, request: Request) -> replies.Reply:
        """Send a request for a list and return its envelope.

        Raises:
            ToolError: as `send` does.
        """
        return replies.listed(await self.send(request))

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


_MAY_HAVE_ACTED: Final = frozenset({408, 500, 502, 504})
"""Statuses after which a write may stand: the upstream, or a proxy before it, gave up midway."""


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


def _unreachable(error: httpx2.HTTPError) -> ToolError:
    return ToolError(
        "upstream_unavailable",
        f"The upstream could not be reached ({type(error).__name__}).",
        next_step="Call again in a little while; if it stays so, ask the operator to check it.",
    )


def outcome_unknown(request: Request) -> ToolError:
    """Return the error of a write whose answer was lost."""
    key = dict(request.headers).get("Idempotency-Key", "")
    return ToolError(
        "outcome_unknown",
        "The upstream's answer to the write was lost: the message may have been written.",
        next_step=f'Call create-message again with the same arguments and idempotency_key "{key}".',
    )
