"""The replies of the store for errors of requests and of the database."""

import logging
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from backscroll.database.faults import (
    CommitUnknownError,
    DatabaseBusyError,
    DatabaseFailedError,
    DatabaseUnavailableError,
)
from backscroll.store.api_errors import SERVER_ERROR, ApiError, again_later, not_written
from backscroll.store.envelopes import error_reply

_log: Final = logging.getLogger(__name__)


async def handle_error(request: Request, error: Exception) -> Response:
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
