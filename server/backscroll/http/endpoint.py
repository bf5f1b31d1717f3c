"""Handles requests to `/mcp`: checks them, applies limits, and passes them to the MCP server."""

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Final

from mcp.server.context import ServerRequestContext
from msgspec import Struct
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from backscroll.http import audit, batches, dispatch, protocol_versions
from backscroll.http.auth.callers import Caller, Callers
from backscroll.http.batches import Batch
from backscroll.http.clients import Clients
from backscroll.http.dispatch import Dispatcher, ParsedBody
from backscroll.http.limits import RateLimiter, Slots
from backscroll.http.metrics import Metrics
from backscroll.http.narrowing import narrowed
from backscroll.http.refusals import RefusedError
from backscroll.mcp.request_context import Called, RequestContext
from backscroll.process.logs import request_id_now
from backscroll.settings.model import Settings

PATH: Final = "/mcp"
_CONTEXT: Final = "backscroll.request_context"


def request_context_of(context: ServerRequestContext[None, object]) -> RequestContext:
    """Return the request context that `Endpoint` stored in the ASGI scope of the request."""
    found: RequestContext = context.request.scope[_CONTEXT]  # type: ignore[attr-defined]  # a request of Starlette has `scope`
    return found


class Endpoint(Struct, frozen=True):
    """Answers MCP requests. A caller's permissions and the URL restrict the settings for a request.

    Attributes:
        settings: the operator's settings.
        callers: identifies the caller of a request.
        clients: the callers' upstream clients.
        slots: limits the number of requests in progress.
        rates: limits each caller's request rate.
        dispatcher: answers the requests that pass the checks.
        stop: if it is set, new requests are refused.
        metrics: counts calls and their outcomes.
    """

    settings: Settings
    callers: Callers
    clients: Clients
    slots: Slots
    rates: RateLimiter
    dispatcher: Dispatcher
    stop: asyncio.Event
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it and state the reason."""
        try:
            self._check(scope)
            settings = narrowed(self.settings, scope["query_string"])
            with self.slots.one(), self.metrics.in_progress.track_inprogress():
                caller = await self.callers.caller(Headers(scope=scope).get("authorization", ""))
                await self._answer_within_limits(caller, settings, scope, receive, send)
        except RefusedError as refused:
            await refused.answer(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Check the method of a request, and that the server is not shutting down.

        Raises:
            RefusedError: 405 or 503.
        """
        if scope["method"] != "POST":
            raise RefusedError(
                HTTPStatus.METHOD_NOT_ALLOWED, "Send messages with POST.", {"Allow": "POST"}
            )
        self._check_running()

    def _check_running(self) -> None:
        """Check that the server is not shutting down.

        Raises:
            RefusedError: 503.
        """
        if self.stop.is_set():
            close = {"Retry-After": "1", "Connection": "close"}
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "The server is shutting down. Try again.", close
            )

    async def _answer_within_limits(
        self, caller: Caller, settings: Settings, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request within its caller's limits. Anonymous callers have no such limits."""
        if not caller.id:
            await self._answer(caller, settings, scope, receive, send)
            return
        self.rates.take(caller.id)
        with self.slots.one_of(caller.id):
            await self._answer(caller, settings, scope, receive, send)

    async def _answer(
        self, caller: Caller, settings: Settings, scope: Scope, receive: Receive, send: Send
    ) -> None:
        dispatch.check_types(scope)
        protocol_versions.drop_empty(scope)
        body = await dispatch.read_body(scope, receive)
        answer_one = partial(self._answer_one, partial(self._context, caller, settings))
        batch = await batches.parse(body) if protocol_versions.has_batches(scope) else None
        match await dispatch.parse_body(body) if batch is None else batch:
            case list() as messages:
                admit = partial(self._admit, caller)
                await Batch(messages, admit, answer_one)(scope, receive, send)
            case ParsedBody() as parsed:
                await answer_one(parsed, scope, receive, send)
            case error:
                await dispatch.answer_error(error, scope, receive, send)

    def _admit(self, caller: Caller) -> None:
        """Count a message of a batch towards the caller's rate.

        This is not called for the first message, which was counted when the request arrived.

        Raises:
            RefusedError: 429 if the caller exceeds its rate, 503 if the server is shutting down.
        """
        self._check_running()
        if caller.id:
            self.rates.take(caller.id)

    async def _answer_one(
        self,
        context_of: Callable[[ParsedBody], RequestContext],
        parsed: ParsedBody,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        error = protocol_versions.check(scope, parsed.received)
        if error is not None:
            await dispatch.answer_error(error, scope, receive, send)
            return
        scope[_CONTEXT] = context_of(parsed)
        await self.dispatcher.answer(scope, receive, send, parsed.received, parsed.body)

    def _context(self, caller: Caller, settings: Settings, parsed: ParsedBody) -> RequestContext:
        request_id = request_id_now.get()
        return RequestContext(
            caller.allowed(settings),
            partial(self.clients.client, caller),
            request_id,
            parsed.received.refused,
            self._recorder(caller, request_id),
            parsed.arguments,
        )

    def _recorder(self, caller: Caller, request_id: str) -> Callable[[Called], None]:
        log_call = audit.recorder(caller, request_id)

        def record(called: Called) -> None:
            log_call(called)
            self.metrics.calls.count(called)

        return record
