"""The store: a database, open, and the ASGI application that speaks OpenAI's format over it."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backscroll.store.engine import Database, open_database
from backscroll.store.errors import SERVER_ERROR, DatabaseBusyError, WireError
from backscroll.store.files import FileEndpoints
from backscroll.store.messages import MessageEndpoints
from backscroll.store.threads import ThreadEndpoints
from backscroll.store.wire import error_reply

_NOT_FOUND: Final = 404
_METHOD_NOT_ALLOWED: Final = 405
_log: Final = logging.getLogger(__name__)
Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Store:
    """An open store.

    Attributes:
        app: The wire format, with its routes under ``/v1``: for ``httpx2.ASGITransport`` or for a
            server. It has no lifespan; ``open_store`` opens and closes.
    """

    app: Starlette
    _database: Database


@asynccontextmanager
async def open_store(database: str) -> AsyncIterator[Store]:
    """Open the store in ``database``, made where it is missing, and close it at the end.

    Args:
        database: ``sqlite:///relative.db``, ``sqlite:////absolute/path.db``, or ``sqlite://``
            for one in memory.

    Raises:
        StoreError: A database that cannot be used, in one clear line.
    """
    async with open_database(database) as opened:
        yield Store(_application(opened), opened)


def _application(database: Database) -> Starlette:
    threads = ThreadEndpoints(database)
    messages = MessageEndpoints(database)
    files = FileEndpoints(database)
    thread = "/v1/threads/{thread_id}"
    message = thread + "/messages/{message_id}"
    app = Starlette(
        routes=[
            _route("/v1/threads", GET=threads.page, POST=threads.create),
            _route(thread, GET=threads.get, POST=threads.modify, DELETE=threads.delete),
            _route(thread + "/messages", GET=messages.page, POST=messages.create),
            _route(message, GET=messages.get, POST=messages.modify, DELETE=messages.delete),
            _route(message + "/files", GET=files.page),
            _route(message + "/files/{file_id}", GET=files.get),
        ],
    )
    app.add_exception_handler(WireError, _wire_error)
    app.add_exception_handler(DatabaseBusyError, _busy)
    app.add_exception_handler(SQLAlchemyError, _failed)
    app.add_exception_handler(HTTPException, _http_error)
    app.router.redirect_slashes = False
    return app


def _route(path: str, **by_method: Endpoint) -> Route:
    async def dispatch(request: Request) -> Response:
        return await by_method["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, dispatch, methods=list(by_method))


def _wire_error(_request: Request, error: WireError) -> Response:
    return error_reply(error)


def _busy(_request: Request, _error: DatabaseBusyError) -> Response:
    message = "The database is busy: nothing was written, try again."
    retry = {"Retry-After": "1"}
    return error_reply(WireError(503, message, kind=SERVER_ERROR, code="busy", headers=retry))


def _failed(_request: Request, error: SQLAlchemyError) -> Response:
    _log.error("database: %s", type(error).__name__, exc_info=error)
    message = "The database failed; the server's log says how."
    return error_reply(WireError(500, message, kind=SERVER_ERROR))


def _http_error(request: Request, error: HTTPException) -> Response:
    asked = f"{request.method} {request.url.path}"
    headers = dict(error.headers or {})
    if error.status_code == _METHOD_NOT_ALLOWED:
        message = f"Not allowed to {request.method} on {request.url.path}."
        code = "method_not_supported"
        return error_reply(WireError(405, message, code=code, headers=headers))
    message = f"Invalid URL ({asked})" if error.status_code == _NOT_FOUND else error.detail
    return error_reply(WireError(error.status_code, message, headers=headers))
