"""Maps an upstream's HTTP statuses and error bodies to error codes and retry rules."""

from http import HTTPStatus
from typing import Final

from backscroll_tools.errors import ErrorCode

SUCCESS: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})
"""The success statuses that OpenAI-compatible APIs document. A reply with any other 2xx status does
not contain the complete result. For example, 206 means that the result is partial, and 202 means
that the result is not ready."""

AGAIN: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
"""The statuses after which the same request may succeed."""

_NO_SUCH_ROUTE: Final = frozenset(
    {
        "",
        "not found",
        "404 page not found",
        "resource not found",
        "no route matched with those values",
    }
)
"""If a 404 response has one of these messages, the upstream does not serve the path. With any other
message, an object is missing."""

_BUSY: Final = ("while a run", "already has an active run")
"""The words of OpenAI's messages for a thread that takes no message or run before its run ends."""

_STATUS: Final[dict[int, ErrorCode]] = {
    HTTPStatus.BAD_REQUEST: "invalid_arguments",
    HTTPStatus.UNAUTHORIZED: "auth_failed",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "upstream_retired",
    HTTPStatus.REQUEST_TIMEOUT: "upstream_unavailable",
    HTTPStatus.CONFLICT: "thread_busy",
    HTTPStatus.GONE: "upstream_retired",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "invalid_arguments",
    HTTPStatus.UNPROCESSABLE_ENTITY: "invalid_arguments",
    HTTPStatus.TOO_EARLY: "upstream_unavailable",
    HTTPStatus.NOT_IMPLEMENTED: "upstream_retired",
}


def is_success(method: str, status: int, *, has_body: bool = True) -> bool:
    """Whether the upstream has done what was requested.

    Some upstreams confirm a deletion with 204 (RFC 9110, section 9.3.5). A request whose reply has
    no body may also be confirmed with 202: the upstream has accepted it and will act on it.

    Args:
        method: the HTTP method of the request.
        status: the HTTP status.
        has_body: whether a successful reply has a body.
    """
    if not has_body:
        return status in SUCCESS or status in {HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT}
    return status in SUCCESS or (method == "DELETE" and status == HTTPStatus.NO_CONTENT)


def leaves_open(status: int, retry_after_s: float) -> bool:
    """Whether the upstream may have acted on the request, or may still do so.

    An upstream may fail after it has acted, and a proxy sends 5xx if it loses its connection to the
    upstream. A 503 with a `Retry-After` means that the request was refused (RFC 9110, section
    15.6.4).

    Args:
        status: the HTTP status.
        retry_after_s: the pause that the upstream asks for, in seconds; 0 if it asks for none.
    """
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return True
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return not retry_after_s
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED


def code_of(status: int, message: str, error_code: str) -> ErrorCode:
    """Return the `ErrorCode` for a failure.

    Args:
        status: the HTTP status.
        message: the message in the body; empty if the body has none.
        error_code: the upstream's own error code; empty if the body has none.
    """
    if error_code in {"insufficient_quota", "credit_balance_exhausted"}:
        return "quota_exceeded"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limited"
    if error_code == "idempotent_object_deleted":
        return "not_found"
    if error_code == "conversation_locked" or any(words in message for words in _BUSY):
        return "thread_busy"
    if status == HTTPStatus.NOT_FOUND and (
        message.lower().rstrip(".") in _NO_SUCH_ROUTE or message.startswith("Invalid URL")
    ):
        return "upstream_retired"
    if status == HTTPStatus.BAD_REQUEST and "not found" in message.lower():
        return "not_found"  # OGX sends this for an unknown chat completion
    if status in _STATUS:
        return _STATUS[status]
    return (
        "upstream_unavailable" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "upstream_invalid"
    )
