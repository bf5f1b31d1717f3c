"""The client of one call: its requests within its bounds, sent again where that is safe."""

import math
from dataclasses import dataclass, field

import anyio

from backscroll_tools.client import attempt, failures, replies, retry
from backscroll_tools.client.client import Client
from backscroll_tools.client.exchange import Exchange
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.profiles import Upstream
from backscroll_tools.client.requests import Request
from backscroll_tools.client.tally import Tally
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON


@dataclass(slots=True, eq=False)
class CallClient:
    """Asks an upstream on behalf of one call.

    Attributes:
        shared: the caller's client, whose connections, turns and retry budget all calls share.
        requests: the most requests that the call may make; no limit by default.
        ends_at: when the call ends, in seconds of `anyio.current_time`; never by default.
        tally: what the call has cost.
        in_doubt: whether a write of the call may have been acted on, with no answer that says so.
    """

    shared: Client
    requests: float = math.inf
    ends_at: float = math.inf
    tally: Tally = field(default_factory=Tally)
    in_doubt: bool = field(default=False, init=False)

    @property
    def upstream(self) -> Upstream:
        """Where requests are sent, and what is known of what answers there."""
        return self.shared.upstream

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
        number = 0
        while True:
            number += 1
            try:
                reply = await self._attempt(request, number)
            except ExchangeError as error:
                if error.fate == "unknown" and not request.harmless:
                    doubtful = self.in_doubt = True
                # What a key settles is worth one more attempt, whatever the answer was.
                unsettled = doubtful and number == 1 and not error.too_large
                again = (error.again or unsettled) and self._repeatable(request, error)
                if not again or not await self.pauses(error, number, owed=unsettled):
                    raise (_doubt(request, error) if doubtful else error) from None
            else:
                self.shared.budget.earn()
                self.in_doubt &= request.harmless
                return reply

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

    async def pauses(self, error: ExchangeError, attempts: int, *, owed: bool = False) -> bool:
        """Wait before another attempt; return False at once if no other is to be made.

        Args:
            error: how the last attempt failed.
            attempts: how many have failed; 1 or more. After the fifth no other is made.
            owed: whether another is made though the budget for retries is spent.
        """
        if attempts >= retry.ATTEMPTS:
            return False
        pause = retry.pause_s(attempts, error.asked_s, self.shared.chance())
        ends_at = min(self.ends_at, anyio.current_effective_deadline())
        if anyio.current_time() + pause >= ends_at:
            return False
        if not self.shared.budget.spend() and not owed:
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

    async def _attempt(self, request: Request, number: int) -> JSON:
        """Send a request once, within the call's bounds, and return the reply's object.

        Raises:
            ExchangeError: what became of it.
        """
        if self.tally.requests >= self.requests:
            raise failures.too_many_requests()
        self.tally.requests += 1
        if number > 1:
            self.tally.retries += 1
        exchange = Exchange(self.upstream, request)
        try:
            return await attempt.answered(self.shared, exchange, number, self.ends_at)
        except anyio.get_cancelled_exc_class():
            # It may have been acted on, and nobody will know.
            self.in_doubt |= exchange.sent and not request.harmless
            raise
        finally:
            if exchange.reply is not None:
                self.tally.bytes += len(exchange.reply[2])


def _doubt(request: Request, error: ExchangeError) -> ExchangeError:
    doubt = outcome_unknown(request.idempotency_key)
    doubt.again, doubt.asked_s = error.again, error.asked_s
    return doubt
