"""The store's replies to requests that fail."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from backscroll.store.api_errors import SERVER_ERROR, ApiError
from backscroll.store.database_failures import FAILURES, failure_reply
from backscroll.store.envelopes import error_reply


async def handle_error(request: Request, error: Exception) -> Response:
    """Return the reply for an error, and log the error unless the caller caused it.

    An error of an unknown type is logged by the HTTP server, because Starlette raises it again.
    """
    match error:
        case ApiError():
            return error_reply(error)
        case HTTPException():
            return error_reply(_routing_error(request, error))
        case ClientDisconnect():
            message = "The client disconnected during its request. Nothing was written."
            return error_reply(ApiError(HTTPStatus.BAD_REQUEST, message))
        case _ if isinstance(error, FAILURES):
            return error_reply(failure_reply(error))
        case _:
            return error_reply(_unexpected(error))


def _unexpected(error: Exception) -> ApiError:
    message = f"The store failed unexpectedly ({type(error).__name__}). Its log says where."
    return ApiError(
        HTTPStatus.INTERNAL_SERVER_ERROR, message, code="internal_error", kind=SERVER_ERROR
    )


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
