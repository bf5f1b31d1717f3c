"""Builds the ASGI application: opens its components, and routes requests to them."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Final, Literal

import anyio
from mcp.server.lowlevel import Server
from msgspec import Struct
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from backscroll.database.opening import open_database
from backscroll.http import endpoint
from backscroll.http.auth import issuer as issuers
from backscroll.http.auth import oauth
from backscroll.http.auth.callers import Callers, OpenToAll
from backscroll.http.auth.issuer import Issuer, IssuerError
from backscroll.http.auth.oauth import OAuthCallers
from backscroll.http.auth.token_callers import KEPT_S, TokenCallers
from backscroll.http.clients import Clients
from backscroll.http.dispatch import Dispatcher
from backscroll.http.endpoint import Endpoint
from backscroll.http.gate import Allowed, Gate
from backscroll.http.health import Health
from backscroll.http.limits import RateLimiter, Slots
from backscroll.http.metrics import PATH as READ_METRICS
from backscroll.http.metrics import CountedResponses, Metrics, MetricsEndpoint
from backscroll.http.refusals import RefusedError
from backscroll.http.request_ids import HEADER, RequestIds
from backscroll.mcp.server import server_for
from backscroll.process.exits import CommandError
from backscroll.settings.model import Settings
from backscroll.upstream.connection import UpstreamConnection, upstream_of_callers
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import Profile
from backscroll_tools.errors import ToolError

HEALTH: Final = "/healthz"
READY: Final = "/readyz"

_REQUEST_HEADERS: Final = (
    "Accept",
    "Authorization",
    "Content-Type",
    "Last-Event-ID",
    "MCP-Protocol-Version",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Session-Id",
    "baggage",
    "traceparent",
    "tracestate",
    HEADER,
)
"""The request headers that a web page may send. Sources: MCP specification, Streamable HTTP; W3C
Trace Context and Baggage."""

_METHODS: Final = ("POST", "GET", "DELETE")
"""The methods that a web page may send. GET and DELETE are always refused. They are listed because
a browser shows a page the reason for the refusal only if the page may send the method."""

_SLASH: Final = f"{endpoint.PATH}/"
"""The path with a slash at its end, as many users type it. It is served without a redirect, because
some clients do not follow redirects."""


class Opened(Struct, frozen=True):
    """The ASGI application, and the state that a graceful shutdown needs.

    Attributes:
        app: the ASGI application. It does not handle lifespan events.
        slots: counts the requests in progress.
        stop: is set when the process shuts down. New requests are then refused.
    """

    app: ASGIApp
    slots: Slots
    stop: asyncio.Event


@asynccontextmanager
async def opened(
    settings: Settings,
    allowed: Allowed,
    dispatcher: Dispatcher | None = None,
    token_kept_s: float = KEPT_S,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Opened]:
    """Open the application with its connections, and close them on exit.

    Args:
        settings: the operator's settings.
        allowed: the values of the `Host` and `Origin` headers that are accepted.
        dispatcher: passes requests to an MCP server; by default, a server with Backscroll's tools.
        token_kept_s: the time for which a token is cached after its lookup, in seconds.
        clock: returns the time in seconds, by which the rates of callers are limited.

    Raises:
        CommandError: the store's database or the token issuer cannot be used.
        SettingsError: the upstream's key is missing, or the library for Entra is not installed.
        StoreError: the token database cannot be opened.
    """
    upstream = upstream_of_callers(settings)
    dispatcher = dispatcher or _dispatcher_of_tools(settings, upstream.profile)
    stop = asyncio.Event()
    slots = Slots(settings.http_calls, settings.http_caller_calls)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(UpstreamConnection(settings, upstream))
        callers, more, checks = await _callers(settings, stack, token_kept_s)
        metrics = Metrics(alone=settings.http_workers == 1)
        mcp = Endpoint(
            settings=settings,
            callers=callers,
            clients=Clients(settings, connection),
            slots=slots,
            rates=RateLimiter(settings.http_caller_rate, clock),
            dispatcher=dispatcher,
            stop=stop,
            metrics=metrics,
        )
        client = await _first_client(connection)
        health = Health(client, stop, (connection.check, *checks))
        await stack.enter_async_context(dispatcher.running())
        metrics_route = Route(READ_METRICS, MetricsEndpoint(metrics, callers), methods=["GET"])
        app = application(mcp, health, allowed, (*more, metrics_route))
        yield Opened(CountedResponses(app, metrics), slots, stop)


def _dispatcher_of_tools(settings: Settings, profile: Profile) -> Dispatcher:
    scope: Literal["public", "private"] = "public" if settings.http_auth == "none" else "private"
    server = server_for(endpoint.request_context_of, settings, profile, _lifespan, scope)
    return Dispatcher(server)


@asynccontextmanager
async def _lifespan(_: Server[None]) -> AsyncIterator[None]:
    yield  # nothing to open here: `opened` has already opened the connections


async def _first_client(connection: UpstreamConnection) -> Client:
    """Open the store and return a client. If the store cannot be opened, the server does not start.

    Raises:
        CommandError: the store cannot be opened.
    """
    try:
        return await connection.client()
    except ToolError as error:
        raise CommandError(error.message) from None


async def _callers(
    settings: Settings, stack: AsyncExitStack, token_kept_s: float
) -> tuple[Callers, Sequence[BaseRoute], Sequence[Callable[[], Awaitable[None]]]]:
    """Return the `Callers` for the settings, with its routes and its database checks."""
    if settings.http_auth == "token":
        database = await stack.enter_async_context(open_database(settings.database_url, "tokens"))
        return TokenCallers(database, kept_s=token_kept_s), (), (database.check,)
    if settings.http_auth == "oauth":
        oauth.check(settings)
        http = await stack.enter_async_context(issuers.asking())
        issuer = Issuer(settings.oauth_issuer, http, allow_http=settings.allow_http)
        try:
            await issuer.fetch()
        except IssuerError as error:
            raise CommandError(f"BACKSCROLL_OAUTH_ISSUER: {error}") from None
        tasks = await stack.enter_async_context(anyio.create_task_group())
        stack.callback(tasks.cancel_scope.cancel)
        tasks.start_soon(issuer.keep_fresh)
        callers = OAuthCallers(
            issuer, settings.oauth_resource, partitions=settings.oauth_partitions
        )
        return callers, oauth.metadata_routes(settings), ()
    return OpenToAll(), (), ()


def application(
    mcp: Endpoint, health: Health, allowed: Allowed, more: Sequence[BaseRoute] = ()
) -> ASGIApp:
    """Return the ASGI application, which routes requests.

    Args:
        mcp: handles requests to `/mcp`.
        health: handles requests to `/healthz` and `/readyz`, for every host and origin.
        allowed: the values of `Host` and `Origin` that are accepted for `/mcp` and `/metrics`.
        more: the routes besides `/mcp`, `/healthz` and `/readyz`. If one of them is not `/metrics`,
            every host and origin may call it, so it must not serve confidential data.
    """
    mcp_with_cors = CORSMiddleware(
        mcp,
        allow_origin_regex=f"(?i:{allowed.origins.pattern})",
        allow_methods=_METHODS,
        allow_headers=_REQUEST_HEADERS,
        expose_headers=[HEADER, "Retry-After", "WWW-Authenticate"],
    )
    routes = [
        *(Route(path, mcp_with_cors) for path in (endpoint.PATH, _SLASH)),
        Route(HEALTH, health.alive),
        Route(READY, health.ready),
        *more,
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    app.add_exception_handler(HTTPStatus.NOT_FOUND, _not_found)
    app.add_exception_handler(Exception, _unexpected)
    paths = {route.path for route in routes if isinstance(route, Route)}
    open_to_all = frozenset(paths - {endpoint.PATH, _SLASH, READ_METRICS})
    return RequestIds(Gate(app, allowed, open_to_all))


async def _unexpected(_request: Request, error: Exception) -> Response:
    """Return the reply for an unexpected error. Starlette raises the error again, to be logged."""
    return RefusedError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"The server failed unexpectedly ({type(error).__name__}). Its log says where.",
    ).response


async def _not_found(_request: Request, _error: Exception) -> Response:
    return RefusedError(
        HTTPStatus.NOT_FOUND,
        f"Nothing is served at this path. The path of the MCP endpoint is {endpoint.PATH}.",
    ).response
