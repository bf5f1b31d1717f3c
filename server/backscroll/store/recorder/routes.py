"""Adds the endpoints that a model server answers to the store's application."""

from functools import partial
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketClose

from backscroll.database.port import Database
from backscroll.store.api_errors import ApiError
from backscroll.store.clock import Clock
from backscroll.store.idempotency import IdempotencyKeys
from backscroll.store.recorder.answer_log import AnswerLog
from backscroll.store.recorder.completions.requests import CompletionRequests
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.recorder.metrics import PATH
from backscroll.store.recorder.opening import Recorder
from backscroll.store.recorder.relaying.passing import pass_on
from backscroll.store.recorder.responses.background.beginning import Background
from backscroll.store.recorder.responses.background.endpoints import RunningResponses
from backscroll.store.recorder.responses.kept_upstream import KeptUpstream
from backscroll.store.recorder.responses.replayed_history import ReplayedHistory
from backscroll.store.recorder.responses.requests import ResponseRequests
from backscroll.store.responses import ResponseEndpoints

_API: Final = "/v1/"
_OF_MODELS: Final = (
    *("/v1/models", "/v1/models/{model:path}", "/v1/threads/runs"),
    *("/v1/responses/input_tokens", "/v1/responses/compact"),
)
"""Paths that a model server answers, although the store has a route for each."""


def add_recorder(
    app: Starlette, recorder: Recorder, database: Database, keys: IdempotencyKeys, clock: Clock
) -> None:
    """Let a model server answer what the store cannot, and record its answers.

    Args:
        app: the store's application.
        recorder: the recorder.
        database: the store's database.
        keys: the idempotency keys in it.
        clock: the process's clocks.
    """
    forwarding, runs = recorder.forwarding, recorder.runs
    log = AnswerLog(clock.monotonic)
    log.metrics.show_running(runs.count)
    keeping = Keeping(database, keys, clock, forwarding.server.record, log)
    stored = ResponseEndpoints(database, clock)
    completions = CompletionRequests(forwarding, keeping)
    background = Background(forwarding, keeping, ReplayedHistory(), runs)
    responses = ResponseRequests(forwarding, keeping, background)
    unserved = partial(pass_on, forwarding)
    methods = ["GET", "POST", "DELETE"]
    app.router.routes[:0] = [
        WebSockets(),
        Route(PATH, log.metrics.serve, methods=["GET"]),
        Route("/v1/chat/completions", completions.create, methods=["POST"]),
        Route("/v1/responses", responses.create, methods=["POST"]),
        *(Route(path, unserved, methods=methods) for path in _OF_MODELS),
    ]
    one = "/v1/responses/{response_id}"
    if forwarding.server.state == "store":
        running = RunningResponses(runs, database, stored, forwarding.server.caller_s)
        app.router.routes[:0] = [
            Route(one, running.get, methods=["GET"]),
            Route(one, running.delete, methods=["DELETE"]),
            Route(f"{one}/cancel", running.cancel, methods=["POST"]),
        ]
    else:
        kept = KeptUpstream(forwarding, database, stored)
        app.router.routes[:0] = [
            Route(one, kept.get, methods=["GET"]),
            Route(one, kept.delete, methods=["DELETE"]),
            Route(f"{one}/cancel", kept.cancel, methods=["POST"]),
            Route(f"{one}/input_items", kept.input_items, methods=["GET"]),
            Route("/v1/conversations", unserved, methods=methods),
            Route("/v1/conversations/{path:path}", unserved, methods=methods),
        ]

    async def default(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].startswith(_API):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        response = await unserved(Request(scope, receive, send))
        await response(scope, receive, send)

    app.router.default = default


class WebSockets(BaseRoute):
    """Refuses to open a WebSocket, with 426.

    After this status, Codex sends a POST request at once. After any other, it tries to open a
    WebSocket again for seven seconds (Codex 0.171, and its source code since February 2026).
    """

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether a request asks for a WebSocket."""
        asks = scope["type"] == "websocket" or (
            scope["type"] == "http"
            and Request(scope).headers.get("upgrade", "").lower() == "websocket"
        )
        return (Match.FULL if asks else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request."""
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        message = "This recorder serves no WebSockets. Send a POST request instead."
        # The protocol to use instead, which a reply with this status must name (RFC 9110, 15.5.22).
        headers = {"Upgrade": "HTTP/1.1", "Connection": "Upgrade"}
        raise ApiError(
            HTTPStatus.UPGRADE_REQUIRED, message, code="websocket_not_served", headers=headers
        )
