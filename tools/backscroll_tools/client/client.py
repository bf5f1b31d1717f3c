"""The async client: the one place where the tools do I/O."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio
import httpx2

from backscroll_tools.client import failures, replies, retry
from backscroll_tools.client.bodies import (
    ACCEPTED,
    BodyTooLargeError,
    BodyUnreadableError,
    read_body,
)
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.lanes import Lanes
from backscroll_tools.client.profiles import Header, Upstream
from backscroll_tools.client.requests import Request
from backscroll_tools.client.retry import RetryBudget
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON

REPLY_BYTES: Final = 8 * 1024 * 1024
"""The most bytes of a reply, unpacked, by default."""

REMEMBERED: Final = 1_000
"""How many writes of unknown outcome are remembered, the oldest forgotten first."""

_CHANCE: Final = random.SystemRandom().random
_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all calls to one upstream share."""

    reading: httpx2.AsyncClient
    writing: httpx2.AsyncClient
    reply_bytes: int
    chance: Callable[[], float]
    lanes: Lanes = field(default_factory=Lanes)
    budget: RetryBudget = field(default_factory=RetryBudget)
    unsettled: dict[str, str] = field(default_factory=dict)


class Client:
    """Speaks to one upstream.

    Args:
        http: the connection pool for reads; the caller closes it.
        upstream: where to send requests, and what is known of what answers there.
        writing: the pool for writes, by default the one for reads. Over a network it should keep
            no connection: one that was closed by its other end, unseen, leaves a write's outcome
            unknown, where a read is simply sent again (docs/upstreams.md).
        reply_bytes: the most bytes of a reply, unpacked; 8 MiB by default.
        chance: draws the numbers from 0 to 1 that pauses between retries depend on.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        upstream: Upstream,
        writing: httpx2.AsyncClient | None = None,
        reply_bytes: int = REPLY_BYTES,
        chance: Callable[[], float] = _CHANCE,
    ) -> None:
        self._shared = _Shared(http, writing or http, reply_bytes, chance)
        self._left: float = math.inf
        self.upstream = upstream

    @property
    def unsettled(self) -> dict[str, str]:
        """Writes whose outcome is unknown: what was the newest message before each, by key."""
        return self._shared.unsettled

    def bounded(self, requests: int) -> "Client":
        """Return a client over the same connections that makes this many requests at most."""
        client: Client = object.__new__(Client)
        client._shared, client._left, client.upstream = self._shared, requests, self.upstream
        return client

    async def send(self, request: Request) -> JSON:
        """Send one request, again where that is safe and may help; return the reply's object.

        Raises:
            ToolError: with the code that the failure stands for: `upstream_retired` for an
                endpoint that the upstream lacks, `outcome_unknown` only for a write that the
                upstream may have acted on.
        """
        if request.group not in self.upstream.profile.serves:
            raise failures.not_served(self.upstream.profile)
        doubtful = False
        for attempt in range(1, retry.ATTEMPTS + 1):
            try:
                reply = await self._exchange(request)
            except ExchangeError as error:
                doubtful = doubtful or (request.method == "POST" and _in_doubt(error))
                if not await self._pauses(request, error, attempt):
                    raise (_doubt(request, error) if doubtful else error) from None
            else:
                self._shared.budget.earn()
                return reply
        raise AssertionError

    async def page(self, request: Request) -> replies.Reply:
        """Send a request for a list and return its envelope, with what can be believed of it.

        Where a page is larger than a reply may be, fewer items are asked for.

        Raises:
            ToolError: as `send` does.
        """
        trusted = self.upstream.profile.trusts_has_more
        while True:
            try:
                return replies.listed(await self.send(request), request, trusted=trusted)
            except ExchangeError as error:
                if not error.too_large or request.limit <= 1:
                    raise
            request = request.with_limit(request.limit // 4 or 1)

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

    def pause_s(self, attempt: int, error: ExchangeError) -> float:
        """Return how many seconds to wait after a failed attempt; `attempt` counts from 1."""
        return retry.pause_s(attempt, error.asked_s, self._shared.chance())

    async def _pauses(self, request: Request, error: ExchangeError, attempt: int) -> bool:
        """Wait before another attempt; False at once where there is to be none."""
        if attempt == retry.ATTEMPTS or not error.again or not self._repeatable(request, error):
            return False
        pause = self.pause_s(attempt, error)
        if anyio.current_time() + pause >= anyio.current_effective_deadline():
            return False
        if not self._shared.budget.spend():
            return False
        await anyio.sleep(pause)
        return True

    def _repeatable(self, request: Request, error: ExchangeError) -> bool:
        """Whether a request can be sent again without a second effect."""
        return (
            request.method == "GET"
            or error.fate == "unsent"
            or self.upstream.profile.honours_idempotency_keys
        )

    async def _exchange(self, request: Request) -> JSON:
        """Send a request once and return the reply's object.

        Raises:
            ExchangeError: what became of it.
        """
        if self._left < 1:
            raise failures.too_many_requests()
        self._left -= 1
        http = self._shared.writing if request.method == "POST" else self._shared.reading
        credential = await self._credential()
        try:
            async with self._shared.lanes.lane(request.owner):
                status, headers, body = await self._once(http, request, credential)
        except _NEVER_SENT as error:
            raise failures.unreachable(type(error).__name__, "unsent") from None
        except httpx2.HTTPError as error:
            raise failures.unreachable(type(error).__name__, "unknown") from None
        except BodyUnreadableError:
            raise failures.unreadable(
                "The upstream's reply is packed wrongly or cut short."
            ) from None
        except BodyTooLargeError:
            mebibytes = self._shared.reply_bytes / 1024 / 1024
            why = f"The upstream's reply is larger than {mebibytes:g} MiB."
            raise failures.unreadable(why, too_large=True) from None
        if httpx2.codes.is_success(status):
            return replies.decode(body)
        key = credential[0][1].split(" ")[-1] if credential else ""
        raise failures.failure(self.upstream.profile, status, headers, body, key)

    async def _once(
        self, http: httpx2.AsyncClient, request: Request, credential: list[Header]
    ) -> tuple[int, httpx2.Headers, bytes]:
        profile = self.upstream.profile
        query = (*profile.queries.get(request.group, ()), *request.query)
        async with http.stream(
            request.method,
            self.upstream.base_url + profile.prefixes.get(request.group, "") + request.path,
            params=list(query),
            headers=[*self.upstream.headers, *request.headers, *credential, ACCEPTED],
            json=request.body,
        ) as response:
            body = await read_body(response, self._shared.reply_bytes)
            return response.status_code, response.headers, body

    async def _credential(self) -> list[Header]:
        credential = self.upstream.credential
        return [] if credential is None else [await credential()]


def _in_doubt(error: ExchangeError) -> bool:
    """Whether a write that failed so may have been acted on.

    An upstream that says 429 or 409 refused it; one that says 500, or sends what is no JSON, may
    have acted first.
    """
    if error.fate == "unknown" or error.code == "upstream_invalid":
        return True
    return error.fate == "answered" and error.code == "upstream_unavailable"


def _doubt(request: Request, error: ExchangeError) -> ExchangeError:
    doubt = outcome_unknown(request.idempotency_key)
    doubt.fate, doubt.again, doubt.asked_s = error.fate, error.again, error.asked_s
    return doubt
