"""The store's error replies, in the format of OpenAI's API."""

from http import HTTPStatus
from typing import Final

from backscroll.database.faults import DatabaseFailedError

INVALID_REQUEST: Final = "invalid_request_error"
SERVER_ERROR: Final = "server_error"

RETRY_AFTER_S: Final = 60
"""The `Retry-After` header of an error reply after the database failed, in seconds."""


class ApiError(Exception):
    """An error that the store sends in OpenAI's error format.

    Args:
        status: HTTP status, 400-599.
        message: one sentence for the caller.
        param: the parameter at fault, such as `messages[0].role`, or None.
        code: OpenAI's machine-readable code, such as `unknown_parameter`, or None.
        kind: the error's `type`.
        headers: additional headers for the reply, or None.
    """

    def __init__(  # noqa: PLR0913 - one parameter for each field of the error
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = INVALID_REQUEST,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Store the fields of the error."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.kind = kind
        self.headers = headers


def not_found(noun: str, identifier: str) -> ApiError:
    """Return the 404 that OpenAI's API sends for an object that does not exist."""
    return ApiError(HTTPStatus.NOT_FOUND, f"No {noun} found with id '{identifier}'.")


def invalid_value(param: str, message: str, *, code: str = "invalid_value") -> ApiError:
    """Return a 400 error for a parameter whose value is not allowed."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, param=param, code=code)


def no_model(purpose: str) -> ApiError:
    """Return the 501 for a request that needs a model.

    Args:
        purpose: what the request asks for, such as `create responses`.
    """
    message = (
        f"this store has no model, so it cannot {purpose}. It keeps what 'backscroll import' "
        "brings in. To let a model server answer, start the store with BACKSCROLL_MODEL_URL."
    )
    return not_served(message, code="model_not_configured")


def not_served(reason: str, *, code: str = "not_served", param: str | None = None) -> ApiError:
    """Return the 501 for a request that the store can never serve as it is configured.

    The header `x-should-retry` stops OpenAI's client libraries from sending the request again, as
    they do after other replies with status 500 or above.

    Args:
        reason: one or more sentences that follow `Not served: `.
        code: the error's `code`.
        param: the parameter that is not served, or None if the whole endpoint is not served.
    """
    headers = {"X-Should-Retry": "false"}
    message = f"Not served: {reason}"
    return ApiError(HTTPStatus.NOT_IMPLEMENTED, message, code=code, param=param, headers=headers)


def again_later(why: str, code: str) -> ApiError:
    """Return a 503 error for a write that had no effect; the caller may retry it at once."""
    message = f"{why}. Nothing was written. Try again."
    headers = {"Retry-After": "1"}
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE, message, code=code, kind=SERVER_ERROR, headers=headers
    )


def not_written(error: DatabaseFailedError) -> ApiError:
    """Return a 503 error for a database that fails until its operator fixes it.

    Most HTTP clients obey the `Retry-After` of a 503 (RFC 9110, section 15.6.4). OpenAI's client
    libraries obey the header `x-should-retry`.
    """
    message = f"The database failed: {error.sentence}. Nothing was written."
    headers = {"Retry-After": str(RETRY_AFTER_S), "X-Should-Retry": "false"}
    code = f"database_{error.trouble}"
    return ApiError(
        HTTPStatus.SERVICE_UNAVAILABLE, message, code=code, kind=SERVER_ERROR, headers=headers
    )
