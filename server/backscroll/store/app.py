"""The store: an open database, and an ASGI application that serves it with OpenAI's API."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
    NothingWrittenError,
)
from backscroll.database.locks import LOCK_S
from backscroll.database.port import Database
from backscroll.store.api_errors import SERVER_ERROR, ApiError, again_later, not_written
from backscroll.store.archive.archive import Archive
from backscroll.store.archive.opening import kept_whole, opened_database
from backscroll.store.clock import Clock
from backscroll.store.envelopes import error_reply
from backscroll.store.idempotency import IdempotencyKeys
from backscroll.store.retention import RetentionClock
from backscroll.store.routes import all_routes
from backscroll.store.search import backfill

if TYPE_CHECKING:
    from backscroll.store.search.embeddings import Endpoint
    from backscroll.store.search.meanings import Meanings

_CLOCK: Final = Clock()
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Store(Archive):
    """An open store.

    Attributes:
        app: serves OpenAI's API under `/v1`, to `httpx2.ASGITransport` or a server. It has no
            lifespan events, because `open_store` opens and closes the database.
    """

    app: Starlette

    async def check(self) -> None:
        """Check that the database can be read and written, like `Database.check`."""
        await self._database.check()


@asynccontextmanager
async def open_store(
    database: str,
    clock: Clock = _CLOCK,
    lock_s: float = LOCK_S,
    *,
    indexes_tools: bool = False,
    endpoint: "Endpoint | None" = None,
) -> AsyncIterator[Store]:
    """Open the store in a database, and close it on exit. A missing SQLite file is created.

    Args:
        database: the database's URL, as for `opening.open_database`.
        clock: the process's clocks.
        lock_s: the maximum time that a read or write waits for a lock of the database, in seconds.
        indexes_tools: whether search also finds the calls and outputs of tools. In new messages,
            they are indexed immediately. Stored messages with only text of tools are indexed in the
            background. Index entries of stored messages with other text do not change.
        endpoint: the embeddings endpoint for search by meaning; None if search compares only words.

    Raises:
        StoreError: the database cannot be used; `str()` is one line for the operator.
    """
    async with (
        opened_database(database, lock_s, indexes_tools=indexes_tools) as opened,
        _embedding(opened, endpoint) as meanings,
    ):
        store = await store_over(opened, clock, meanings)
        async with kept_whole(opened, indexes_tools=indexes_tools), _filled(meanings):
            yield store


@asynccontextmanager
async def _filled(meanings: "Meanings | None") -> AsyncIterator[None]:
    """While open, request the vectors of messages that have none, in the background."""
    if meanings is None:
        yield
        return
    task = asyncio.create_task(meanings.keep_filled())
    try:
        yield
    finally:
        await backfill.stop(task)


@asynccontextmanager
async def _embedding(
    database: Database, endpoint: "Endpoint | None"
) -> "AsyncIterator[Meanings | None]":
    if endpoint is None:
        yield None
        return
    import httpx2

    from backscroll.store.search.embeddings import Embeddings
    from backscroll.store.search.meanings import Meanings

    # All partitions use this client. It closes each connection after one request, so that requests
    # of different partitions never share a connection.
    async with httpx2.AsyncClient(limits=httpx2.Limits(max_keepalive_connections=0)) as http:
        yield Meanings(database, Embeddings(endpoint, http))


async def store_over(
    database: Database, clock: Clock = _CLOCK, meanings: "Meanings | None" = None
) -> Store:
    """Return a store that uses an open database. The caller closes the database.

    Args:
        database: the database.
        clock: the process's clocks.
        meanings: the vectors of messages and queries for search by meaning; None if search compares
            only words.
    """
    retention = RetentionClock(clock.monotonic)
    # If this read fails, the first write calls `retention.look` again.
    with suppress(DatabaseBusyError, DatabaseUnavailableError):
        await database.read(retention.look)
    keys = IdempotencyKeys(database, clock, retention)
    routes = all_routes(database, clock, keys, meanings)
    return Store(database, clock, _application(routes))


def _application(routes: Sequence[BaseRoute]) -> Starlette:
    app = Starlette(routes=routes)
    for kind in (
        *(ApiError, HTTPException, ClientDisconnect, SQLAlchemyError),
        *(NothingWrittenError, CommitUnknownError),
    ):
        app.add_exception_handler(kind, _handle_error)
    app.router.redirect_slashes = False
    return app


async def _handle_error(request: Request, error: Exception) -> Response:
    """Return the reply for an error, and log the error unless the caller caused it."""
    match error:
        case ApiError():
            return error_reply(error)
        case HTTPException():
            return error_reply(_routing_error(request, error))
        case ClientDisconnect():
            message = "The client disconnected during its request. Nothing was written."
            return error_reply(ApiError(HTTPStatus.BAD_REQUEST, message))
        case DatabaseBusyError():
            _log.warning("the database is locked by another program or transaction")
            why = "The database is locked by another program or transaction"
            return error_reply(again_later(why, "database_busy"))
        case DatabaseUnavailableError():
            _log.error("%s", error)
            why = "The database does not respond"
            return error_reply(again_later(why, "database_unavailable"))
        case DatabaseFailedError():
            _log.error("%s; nothing was written", error)
            return error_reply(not_written(error))
        case CommitUnknownError():
            _log.error("%s", error, exc_info=error)
            message = (
                "The connection to the database was lost during the commit. The write may or may "
                "not have succeeded. Retry the same request with the same Idempotency-Key."
            )
            return error_reply(
                ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, message, kind=SERVER_ERROR)
            )
        case _:
            # The transaction was certainly rolled back. After an uncertain commit, the error is
            # CommitUnknownError.
            _log.error("the database failed; nothing was written", exc_info=error)
            return error_reply(not_written(DatabaseFailedError("failed")))


def _routing_error(request: Request, error: HTTPException) -> ApiError:
    method, path = request.method, request.url.path
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"Not allowed to {method} on {path}."
        return ApiError(
            HTTPStatus.METHOD_NOT_ALLOWED, message, code="method_not_supported", headers=headers
        )
    if error.status_code != HTTPStatus.NOT_FOUND:
        return ApiError(error.status_code, error.detail, headers=headers)
    message = f"Invalid URL ({method} {path})"
    from backscroll.store.not_served import absent

    return absent(method, path) or ApiError(HTTPStatus.NOT_FOUND, message, headers=headers)
