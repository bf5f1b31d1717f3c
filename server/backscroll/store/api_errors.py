"""A request that the store cannot serve, as OpenAI's API says it."""

from http import HTTPStatus
from typing import Final

INVALID_REQUEST: Final = "invalid_request_error"
SERVER_ERROR: Final = "server_error"


class ApiError(Exception):
    """A request that is answered with OpenAI's error envelope.

    Args:
        status: HTTP status, 400-599.
        message: one sentence for the caller.
        param: the parameter at fault, such as `messages[0].role`, or None.
        code: OpenAI's machine-readable code, such as `unknown_parameter`, or None.
        kind: the envelope's `type`.
        headers: headers sent with the reply.
    """

    def __init__(  # noqa: PLR0913 - the envelope has this many fields
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = INVALID_REQUEST,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Keep the parts of the envelope."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.kind = kind
        self.headers = headers


def not_found(noun: str, identifier: str) -> ApiError:
    """Return the 404 that OpenAI answers for a thread, message or file that is not there."""
    return ApiError(HTTPStatus.NOT_FOUND, f"No {noun} found with id '{identifier}'.")


def invalid_value(param: str, message: str, *, code: str = "invalid_value") -> ApiError:
    """Return the 400 for a parameter whose value is not allowed."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, param=param, code=code)
