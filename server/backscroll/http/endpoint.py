"""`/mcp`: what a request passes before it is answered."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final

from mcp.server.context import ServerRequestContext
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from backscroll.http import audit, dispatch
from backscroll.http.auth.callers import Caller, Callers
from backscroll.http.clients import Clients
from backscroll.http.dispatch import Dispatcher, Understood
from backscroll.http.limits import Places, Rates
from backscroll.http.metrics import Metrics
from backscroll.http.narrowing import narrowed
from backscroll.http.refusals import RefusedError
from backscroll.mcp.request_context import Called, RequestContext
from backscroll.process.logs import request_id_now
from backscroll.settings.model import Settings

PATH: Final = "/mcp"
_TERMS: Final = "backscroll.terms"


class Shutdown:
    """Whether new requests are refused, because the process is about to end."""

    def __init__(self) -> None:
        self.asked = False


def terms_of(context: ServerRequestContext[None, object]) -> RequestContext:
    """Return what a request may do, which its scope carries to the MCP server."""
    terms: RequestContext = context.request.scope[_TERMS]  # type: ignore[attr-defined]  # Starlette's request
    return terms


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One request after another, each on the terms of its caller and its URL.

    Attributes:
        settings: of the operator.
        callers: knows who asks.
        clients: have each caller's part of the upstream.
        places: bound what is under way.
        rates: bound how often each caller asks.
        exchange: answers what is let through.
        stop: whether new requests are refused.
        metrics: count what calls came to.
    """

    settings: Settings
    callers: Callers
    clients: Clients
    places: Places
    rates: Rates
    exchange: Dispatcher
    stop: Shutdown
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        try:
            self._check(scope)
            settings = narrowed(self.settings, scope["query_string"])
            with self.places.one(), self.metrics.in_progress.track_inprogress():
                caller = await self.callers.caller(Headers(scope=scope).get("authorization", ""))
                await self._held(caller, settings, scope, receive, send)
        except RefusedError as refused:
            await refused.answer(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        """Let a request through that could be a message to a server that goes on.

        Raises:
            RefusedError: 405 or 503.
        """
        if scope["method"] != "POST":
            raise RefusedError(
                HTTPStatus.METHOD_NOT_ALLOWED, "Messages are sent with POST.", {"Allow": "POST"}
            )
        if self.stop.asked:
            close = {"Retry-After": "1", "Connection": "close"}
            raise RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE, "This server stops: ask another one.", close
            )

    async def _held(
        self, caller: Caller, settings: Settings, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer a request within the limits of its caller; anyone at all has none of their own."""
        if not caller.id:
            await self._answer(caller, settings, scope, receive, send)
            return
        self.rates.take(caller.id)
        with self.places.one_of(caller.id):
            await self._answer(caller, settings, scope, receive, send)

    async def _answer(
        self, caller: Caller, settings: Settings, scope: Scope, receive: Receive, send: Send
    ) -> None:
        dispatch.check_types(scope)
        body = await dispatch.read_body(scope, receive)
        match await dispatch.understood(body):
            case Understood(received, sound, arguments):
                request_id = request_id_now.get()
                scope[_TERMS] = RequestContext(
                    caller.allowed(settings),
                    partial(self.clients.client, caller),
                    request_id,
                    received.refused,
                    self._noting(caller, request_id),
                    arguments,
                )
                await self.exchange.answer(scope, receive, send, received, sound)
            case error:
                await dispatch.answer_error(error, scope, receive, send)

    def _noting(self, caller: Caller, request_id: str) -> Callable[[Called], None]:
        write_down = audit.noting(caller, request_id)

        def note(called: Called) -> None:
            write_down(called)
            self.metrics.note(called)

        return note
