"""Sends the requests of one call, within the call's limits. Retries them if that is safe."""

import math
from typing import Final

import anyio
from msgspec import Struct, field

from backscroll_tools.client import attempt, failures, oversized, replies, retry
from backscroll_tools.client.client import Client
from backscroll_tools.client.exchange import Exchange
from backscroll_tools.client.failures import ExchangeError, outcome_unknown
from backscroll_tools.client.profiles import PAGE_ITEMS, Upstream
from backscroll_tools.client.requests import Request
from backscroll_tools.client.tally import Tally
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON

_FILLED: Final = 0.75
"""The intended size of a page after a page was too large, as a fraction of the maximum reply size.
"""

_AFTER_OVERSIZED: Final = 4
"""The number of items to request in the page after an item that was too large by itself."""


class CallClient(Struct, eq=False):
    """Sends requests to an upstream for one call.

    Attributes:
        shared: the caller's client. All calls of the caller share the connections, slots and retry
            budget of this client.
        requests: the maximum number of requests that the call may make; no limit by default.
        ends_at: the call's deadline, in seconds of `anyio.current_time`; none by default.
        tally: the requests and bytes of the call so far.
        in_doubt: whether the upstream may have acted on a write although no reply confirmed it.
        items: the maximum number of items to ask for at once, 1 to 100. It changes with the size of
            the items that have been received.
        received: the total size of the replies to this client's requests, in bytes. `tally` also
            counts the replies to the requests of `beside`.
        resumes_at: the end of the pause before the latest retry, in seconds of
            `anyio.current_time`.
    """

    shared: Client
    requests: float = math.inf
    ends_at: float = math.inf
    tally: Tally = field(default_factory=Tally)
    in_doubt: bool = False
    items: int = PAGE_ITEMS
    received: int = 0
    resumes_at: float = -math.inf

    def beside(self, requests: float, received: float) -> "CallClient":
        """Return a client whose requests are sent at the same time as those of this client.

        Both clients belong to the same call, and its limits apply to their requests together. The
        new client is polite: it sends each request only once, and none while this client pauses
        before a retry.

        Args:
            requests: the maximum number of requests of the new client.
            received: the size of replies, in bytes, after which the new client sends no further
                request.
        """
        ours = (self.shared, self.requests, self.ends_at, self.tally)
        return _Beside(*ours, first=self, left=requests, most=received)

    @property
    def upstream(self) -> Upstream:
        """The upstream that requests are sent to."""
        return self.shared.upstream

    async def send(self, request: Request) -> JSON:
        """Send a request, retry it if that is safe and may help, and return the reply's object.

        Raises:
            ToolError: the request failed. If the upstream lacks the endpoint, the code is
                `upstream_retired`. If the upstream may have acted on a write, and the write is not
                `Request.repeatable`, the code is `outcome_unknown`. Otherwise it is the code of the
                last failure. If the upstream may have acted on an idempotent write, `in_doubt` is
                True.
        """
        if request.group not in self.upstream.profile.serves:
            raise failures.not_served(self.upstream.profile, request.endpoint)
        doubtful = False
        number = 0
        while True:
            number += 1
            try:
                reply = await self._attempt(request, number)
            except ExchangeError as error:
                if error.fate == "unknown" and not request.harmless:
                    doubtful = self.in_doubt = True
                # A retry with the same key may show whether the write took effect, so retry once
                # after any failure.
                unsettled = doubtful and number == 1 and not error.too_large
                again = (error.again or unsettled) and self._repeatable(request, error)
                if not again or not await self.pauses(error, number, owed=unsettled):
                    unknown = doubtful and (request.is_keyed or not request.repeatable)
                    raise (_as_unknown(request, error) if unknown else error) from None
            else:
                self.shared.budget.earn()
                self.in_doubt &= request.harmless
                return reply

    async def page(self, request: Request) -> replies.Reply:
        """Send a request for a list, and return the reply's envelope.

        If the reply is too large, the page is requested again with fewer items. If a single item is
        too large, it is replaced by an object with the item's id and `omitted`.

        Raises:
            ToolError: as in `send`, or a single item is too large and cannot be replaced, because
                its id is not found or because the list's `Dialect.has_places` is True.
        """
        trusted = self.upstream.profile.trusts_has_more
        while True:
            request = request.with_limit(min(request.limit, self.items))
            before = self.received
            try:
                reply = replies.listed(await self.send(request), request, trusted=trusted)
            except ExchangeError as error:
                if not error.too_large:
                    raise
                if request.limit <= 1:
                    if request.dialect.has_places:
                        raise  # the cursor of the next page is in the unread reply
                    return self._stepped_over(error)
                self.items = request.limit // 4 or 1
            else:
                if self.items < PAGE_ITEMS and reply.items:
                    each = (self.received - before) / len(reply.items)
                    wanted = _FILLED * self.shared.reply_bytes / max(each, 1)
                    self.items = int(min(max(wanted, 1), PAGE_ITEMS))
                return reply

    def _stepped_over(self, error: ExchangeError) -> replies.Reply:
        """Return a page with a small object in place of its only item, which is too large.

        Raises:
            ExchangeError: `error`, if the item's id is not known.
        """
        found = oversized.stand_in(error, self.shared.reply_bytes)
        if found is None:
            raise error
        self.items = _AFTER_OVERSIZED
        return replies.Reply((found,), has_more=None)

    async def find(self, request: Request) -> JSON | None:
        """Send a request for one object. Return the object, or None if it does not exist.

        Raises:
            ToolError: as in `send`, except `not_found`.
        """
        try:
            return await self.send(request)
        except ToolError as error:
            if error.code == "not_found":
                return None
            raise

    async def pauses(self, error: ExchangeError, attempts: int, *, owed: bool = False) -> bool:
        """Wait and return True if another attempt is allowed; otherwise return False at once.

        Args:
            error: the failure of the last attempt.
            attempts: the number of failed attempts; at most `error.attempts` are allowed.
            owed: whether to allow the attempt even if the retry budget is used up.
        """
        if attempts >= error.attempts:
            return False
        pause = retry.pause_s(attempts, error.retry_after_s, self.shared.chance())
        ends_at = min(self.ends_at, anyio.current_effective_deadline())
        if anyio.current_time() + pause >= ends_at:
            return False
        if not self.shared.budget.spend() and not owed:
            return False
        self.resumes_at = anyio.current_time() + pause
        await anyio.sleep(pause)
        return True

    def _repeatable(self, request: Request, error: ExchangeError) -> bool:
        """Whether a request can be sent again without the risk that it takes effect twice."""
        return (
            request.repeatable
            or error.fate == "unsent"
            or self.upstream.profile.honours_idempotency_keys
        )

    async def _attempt(self, request: Request, number: int) -> JSON:
        """Send a request once, within the call's limits, and return the reply's object.

        Raises:
            ExchangeError: the attempt failed.
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
            # The upstream may have acted on the request, but nobody will read its reply.
            self.in_doubt |= exchange.sent and not request.harmless
            raise
        finally:
            if exchange.reply is not None:
                self.received += len(exchange.reply[2])
                self.tally.bytes += len(exchange.reply[2])


class _Beside(CallClient, eq=False, kw_only=True):
    """A client beside another one of the same call; see `CallClient.beside`."""

    first: CallClient
    left: float
    most: float

    async def pauses(self, error: ExchangeError, attempts: int, *, owed: bool = False) -> bool:  # noqa: ARG002 - as in `CallClient`
        return False

    async def _attempt(self, request: Request, number: int) -> JSON:
        await anyio.sleep_until(self.first.resumes_at)
        if self.left < 1 or self.received >= self.most:
            raise failures.too_many_requests()
        self.left -= 1
        return await super()._attempt(request, number)


def _as_unknown(request: Request, error: ExchangeError) -> ExchangeError:
    unknown = outcome_unknown(request.idempotency_key)
    unknown.again, unknown.retry_after_s = error.again, error.retry_after_s
    return unknown
