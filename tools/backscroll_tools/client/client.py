"""The async client: the one place where the tools do I/O."""

import math
import random
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

import anyio
import anyio.to_thread
from opentelemetry.trace import SpanKind

from backscroll_tools.client import failures, replies, retry
from backscroll_tools.client.belonging import belongs
from backscroll_tools.client.exchange import Exchange, Http
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.lanes import TOTAL, Lanes
from backscroll_tools.client.profiles import Header, Upstream
from backscroll_tools.client.requests import Request
from backscroll_tools.client.retry import RetryBudget
from backscroll_tools.client.tally import Tally
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.spans import span

REPLY_BYTES: Final = 8 * 1024 * 1024
"""The most bytes of a reply, unpacked, by default."""

_LONG: Final = 1024 * 1024
"""From how many bytes on a body is read in a thread of its own."""

_CHANCE: Final = random.SystemRandom().random


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all calls to one upstream share."""

    reading: Http
    writing: Http
    reply_bytes: int
    chance: Callable[[], float]
    clock: Callable[[], float]
    # Apart, so that writes that wait for a thread let it be read.
    reads: Lanes = field(default_factory=Lanes)
    writes: Lanes = field(default_factory=Lanes)
    writers: Lanes = field(default_factory=lambda: Lanes(TOTAL, 1))
    budget: RetryBudget = field(default_factory=RetryBudget)
    noted: dict[tuple[str, str], str] = field(default_factory=dict)


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
        clock: tells the time, in Unix seconds.
    """

    def __init__(  # noqa: PLR0913 - its seams: connections, chance and time
        self,
        http: Http,
        upstream: Upstream,
        writing: Http | None = None,
        reply_bytes: int = REPLY_BYTES,
        *,
        chance: Callable[[], float] = _CHANCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._shared = _Shared(http, writing or http, reply_bytes, chance, clock)
        self._left: float = math.inf
        self._tally = Tally()
        self.upstream = upstream
        self.in_doubt = False

    @property
    def clock(self) -> Callable[[], float]:
        """Tells the time, in Unix seconds."""
        return self._shared.clock

    @property
    def noted(self) -> dict[tuple[str, str], str]:
        """What `messages.once` notes of writes, for calls with the same key."""
        return self._shared.noted

    @property
    def budget(self) -> RetryBudget:
        """How many requests may still be sent again."""
        return self._shared.budget

    def bounded(self, requests: int, tally: Tally | None = None) -> "Client":
        """Return the client of one call, which makes this many requests at most.

        Args:
            requests: the most.
            tally: where they are counted.

        Its `in_doubt` tells whether a write of that call may have been acted on, with no answer
        that says so.
        """
        client: Client = object.__new__(Client)
        client._shared, client._left, client.upstream = self._shared, requests, self.upstream
        client._tally = tally or Tally()
        client.in_doubt = False
        return client

    def alone(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Return a context in which no other call is about to write to a thread."""
        return self._shared.writers.lane(thread_id)

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
                reply = await self._exchange(request, attempt)
            except ExchangeError as error:
                if error.fate == "unknown" and not request.harmless:
                    doubtful = self.in_doubt = True
                # What a key settles is worth one more attempt, whatever the answer was.
                unsettled = doubtful and attempt == 1 and not error.too_large
                again = (error.again or unsettled) and self._repeatable(request, error)
                if not again or not await self.pauses(error, attempt, owed=unsettled):
                    raise (_doubt(request, error) if doubtful else error) from None
            else:
                self._shared.budget.earn()
                self.in_doubt &= request.harmless
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

    async def pauses(self, error: ExchangeError, attempt: int, *, owed: bool = False) -> bool:
        """Wait before another attempt; False at once where there is to be none.

        Args:
            error: how the last attempt failed.
            attempt: how many have failed; 1 or more.
            owed: whether another is made though the budget for retries is spent.
        """
        if attempt >= retry.ATTEMPTS:
            return False
        pause = retry.pause_s(attempt, error.asked_s, self._shared.chance())
        if anyio.current_time() + pause >= anyio.current_effective_deadline():
            return False
        if not self._shared.budget.spend() and not owed:
            return False
        await anyio.sleep(pause)
        return True

    def _repeatable(self, request: Request, error: ExchangeError) -> bool:
        """Whether a request can be sent again without a second effect."""
        return (
            request.harmless
            or error.fate == "unsent"
            or self.upstream.profile.honours_idempotency_keys
        )

    async def _exchange(self, request: Request, attempt: int) -> JSON:
        """Send a request once and return the reply's object.

        Raises:
            ExchangeError: what became of it.
        """
        if self._left < 1:
            raise failures.too_many_requests()
        self._left -= 1
        self._tally.requests += 1
        self._tally.retries += attempt > 1
        shared = self._shared
        reads = request.method == "GET"
        http, lanes = (shared.reading, shared.reads) if reads else (shared.writing, shared.writes)
        credential = await self._credential()
        exchange = Exchange(self.upstream, request)
        try:
            async with lanes.lane(request.owner):
                with anyio.move_on_after(self._patience_s(request, attempt)):
                    await self._run(exchange, http, credential, attempt)
        except anyio.get_cancelled_exc_class():
            # It may have been acted on, and nobody will know.
            self.in_doubt |= exchange.sent and not request.harmless
            raise
        if exchange.reply is None:
            raise failures.unreachable(failures.NO_ANSWER, exchange.fate)
        status, headers, body = exchange.reply
        self._tally.bytes += len(body)
        if status in failures.SUCCESS:
            return await self._answer(exchange, body)
        key = credential[0][1].split(" ")[-1] if credential else ""
        now = self._shared.clock()
        raise failures.failure(self.upstream.profile, status, headers, body, key, now=now)

    async def _run(
        self,
        exchange: Exchange,
        http: Http,
        credential: list[Header],
        attempt: int,
    ) -> None:
        request = exchange.request
        told: dict[str, str | int] = {
            "http.request.method": request.method,
            "http.request.resend_count": attempt - 1,
            "backscroll.upstream": self.upstream.profile.name,
        }
        with span(f"{request.method} {request.group}", told, SpanKind.CLIENT) as recorded:
            await exchange.run(http, credential, self._shared.reply_bytes)
            if exchange.reply is not None and recorded.is_recording():
                status, _, body = exchange.reply
                recorded.set_attribute("http.response.status_code", status)
                recorded.set_attribute("http.response.body.size", len(body))

    async def _answer(self, exchange: Exchange, body: bytes) -> JSON:
        """Return the object that a successful reply holds, where it can be the request's."""
        try:
            reply = await self._decoded(body)
            if not belongs(reply, exchange.request):
                raise failures.unrelated()
        except ExchangeError:
            await exchange.end_connection()
            raise
        return reply

    @staticmethod
    async def _decoded(body: bytes) -> JSON:
        if len(body) < _LONG:
            return replies.decode(body)
        # Some megabytes take seconds, which the other calls and this one's deadline do not wait.
        return await anyio.to_thread.run_sync(replies.decode, body, abandon_on_cancel=True)

    def _patience_s(self, request: Request, attempt: int) -> float:
        """Return how many seconds an attempt may take."""
        left = anyio.current_effective_deadline() - anyio.current_time()
        once = not request.harmless and not self.upstream.profile.honours_idempotency_keys
        return retry.patience_s(1 if once else attempt, left)

    async def _credential(self) -> list[Header]:
        credential = self.upstream.credential
        return [] if credential is None else [await credential()]


def _doubt(request: Request, error: ExchangeError) -> ExchangeError:
    doubt = outcome_unknown(request.idempotency_key)
    doubt.again, doubt.asked_s = error.again, error.asked_s
    return doubt
