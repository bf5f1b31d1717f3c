"""Opens the connections to the chosen upstream at the first call."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import httpx2
from msgspec import Struct, field

from backscroll.settings.model import Settings
from backscroll.settings.operator_errors import OperatorError
from backscroll.upstream.credentials import NoKeyError, credential
from backscroll.upstream.kind import is_embedded, profile_of
from backscroll.upstream.sync_process import SyncProcess
from backscroll_tools.client.client import Client
from backscroll_tools.client.exchange import Http
from backscroll_tools.client.profiles import Header, Upstream
from backscroll_tools.errors import ToolError

if TYPE_CHECKING:
    from backscroll.store.app import Store
    from backscroll.store.search.embeddings import Endpoint

_SEARCH: Final = "/v1/search"


def upstream_of(settings: Settings) -> Upstream:
    """Return the upstream that the settings choose, with its credential.

    Raises:
        NoKeyError: no key is set although one is required, or the library for Entra is missing.
    """
    return _upstream(settings, credential(settings, profile_of(settings)))


def upstream_of_callers(
    settings: Settings, without_key: Callable[[], Awaitable[Header]] | None = None
) -> Upstream:
    """Return the upstream that all callers over HTTP share.

    If `http_auth` is `token`, callers can have keys of their own, and the operator's key is
    optional.

    Args:
        settings: the operator's settings.
        without_key: returns the authentication header if the operator has no key; by default, no
            header is sent.

    Raises:
        NoKeyError: as in `upstream_of`, unless callers can have keys of their own.
    """
    try:
        return upstream_of(settings)
    except NoKeyError:
        if settings.http_auth != "token":
            raise
        return _upstream(settings, without_key)


def _upstream(settings: Settings, authenticate: Callable[[], Awaitable[Header]] | None) -> Upstream:
    profile = profile_of(settings)
    base_url = (settings.base_url or profile.base_url).rstrip("/")
    headers = (
        ("OpenAI-Organization", settings.organization),
        ("OpenAI-Project", settings.project),
    )
    return Upstream(
        profile,
        base_url if base_url.endswith(profile.base_suffix) else base_url + profile.base_suffix,
        tuple((name, value) for name, value in headers if value),
        authenticate,
        admin_key=settings.admin_key,
    )


class Pools(Struct, frozen=True):
    """The connection pools of an upstream, which all its clients share."""

    reading: Http
    writing: Http


class UpstreamConnection:
    """The connections to the chosen upstream. They are opened once, and closed on exit.

    Args:
        settings: the operator's settings.
        upstream: the result of `upstream_of` or `upstream_of_callers`.
    """

    def __init__(self, settings: Settings, upstream: Upstream) -> None:
        self._settings = settings
        self._upstream = upstream
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._pools: Pools | None = None
        self._client: Client | None = None
        self._store: Store | None = None
        self._sync = SyncProcess(settings) if settings.sources else None

    async def __aenter__(self) -> Self:
        if self._sync is not None:
            await self._stack.enter_async_context(self._sync)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def client(self) -> Client:
        """Return the client. The first call opens the connections.

        Raises:
            ToolError: `upstream_unavailable` if the store's database cannot be opened.
        """
        client = self._client or await self.client_of(self._upstream)
        self._client = self._client or client  # a concurrent call may have set it
        return self._client

    async def check(self) -> None:
        """Check that the embedded store can be read and written, if it is open.

        Raises:
            NothingWrittenError: the store cannot be read or written.
        """
        if self._store is not None:
            await self._store.check()

    async def client_of(self, upstream: Upstream) -> Client:
        """Return a new client that uses the shared connections.

        The client limits retries and concurrent requests separately from all other clients.

        Args:
            upstream: the chosen upstream. Its credential and headers may be those of one caller.

        Raises:
            ToolError: as in `client`.
        """
        async with self._opening:
            if self._pools is None:
                embedded = is_embedded(self._settings)
                self._pools = await (self._open_store() if embedded else self._open_network())
        pools = self._pools
        limit = None if is_embedded(self._settings) else self._settings.reply_bytes
        return Client(pools.reading, upstream, pools.writing, limit)

    async def _open_network(self) -> Pools:
        from backscroll_tools.client.connections import Connections

        reading, writing = Connections(), Connections(kept=0)
        for http in (reading, writing):
            await self._stack.enter_async_context(http)
        return Pools(reading, writing)

    async def _open_store(self) -> Pools:
        from backscroll.store.app import open_store

        try:
            opening = open_store(
                self._settings.database_url,
                indexes_tools=self._settings.indexes_tools,
                endpoint=endpoint_of(self._settings),
                days_of=self._settings.days_of,
                standby=self._settings.database_read,
            )
            store = await self._stack.enter_async_context(opening)
        except OperatorError as error:
            raise ToolError(
                "upstream_unavailable",
                f"The store cannot be opened: {error}",
                next_step="Ask the operator to fix BACKSCROLL_DATABASE.",
            ) from None
        self._store = store
        http = _InProcess(httpx2.ASGITransport(store.app), self._sync, _quiet(self._settings))
        return Pools(http, http)


def _quiet(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the parameters that leave recent sessions of the working directory out of a search.

    Such a session is probably that of the agent that searches.
    """
    folders = [os.getcwd()]  # noqa: PTH109 - a string, as in logs of sessions
    logical = os.environ.get("PWD", "")  # with symbolic links, as shells set it
    if logical not in {"", *folders} and os.path.realpath(logical) == os.path.realpath(folders[0]):
        folders.append(logical)
    quiet_s = ("quiet_s", str(int(settings.sync_quiet_s)))
    return (quiet_s, *(("quiet_project", folder) for folder in folders))


def endpoint_of(settings: Settings) -> "Endpoint | None":
    """Return the embeddings endpoint from the settings; None if none is configured."""
    from backscroll.store.search.embeddings import Endpoint

    if not settings.embeddings_url:
        return None
    return Endpoint(settings.embeddings_url, settings.embeddings_model, settings.embeddings_key)


class _InProcess(Struct, frozen=True):
    """Sends requests to an ASGI application in this process.

    To save time, it does not handle cookies, redirects or authentication, unlike an HTTP client.

    Attributes:
        transport: passes requests to the application.
        sync: the process that syncs sources; None if no sources are configured. Before a search,
            the process is asked to import recent messages, so that the search finds them.
        quiet: the parameters to add to a search, so that an agent does not find its own session.
        timeout: an infinite timeout, because each call has a deadline.
    """

    transport: httpx2.ASGITransport
    sync: SyncProcess | None = None
    quiet: tuple[tuple[str, str], ...] = ()
    timeout: httpx2.Timeout = field(default_factory=lambda: httpx2.Timeout(None))

    async def send(self, request: httpx2.Request, *, stream: bool = False) -> httpx2.Response:
        """Send a request and return the response, whose body is read unless `stream` is true."""
        if self.sync is not None and request.url.path == _SEARCH:
            await self.sync.catch_up()
            importing = tuple(("importing", name) for name in self.sync.importing)
            params = request.url.params.merge(self.quiet + importing)
            request.url = request.url.copy_with(params=params)
        response = await self.transport.handle_async_request(request)
        if not stream:
            await response.aread()
        return response
