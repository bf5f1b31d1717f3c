"""Explains to the operator why a request to the upstream failed and how to fix it."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from backscroll.upstream.credentials import NotSignedInError
from backscroll_tools.client.failures import UnreachableError
from backscroll_tools.errors import ErrorCode, ToolError

_MAX_CAUSES: Final = 8
"""At most this many causes of an exception are examined."""

_BY_CODE: Final[dict[ErrorCode, tuple[str, str]]] = {
    "auth_failed": (
        "rejected the caller's key",
        "Check that the key is complete and not revoked, and that it belongs to this upstream.",
    ),
    "forbidden": (
        "does not allow this",
        "In the upstream, give permission to the account or role of the key.",
    ),
    "rate_limited": (
        "received too many requests",
        "Wait a minute, then run backscroll doctor again.",
    ),
    "quota_exceeded": ("the account's quota is used up", "Raise the quota of the account."),
    "upstream_unavailable": (
        "responded with a server error",
        "Read the upstream's log, or run backscroll doctor again later.",
    ),
    "upstream_invalid": (
        "did not respond in OpenAI's format",
        "Check BACKSCROLL_BASE_URL: most such URLs end in /v1.",
    ),
    "upstream_retired": ("is not served", ""),
}
_REFUSED: Final = (
    "rejected the request",
    "Check BACKSCROLL_UPSTREAM: is it the right kind?",
)
NO_KEY: Final = ("requires a key", "Set BACKSCROLL_API_KEY: no key was sent.")
_NOT_SIGNED_IN: Final = "Sign in (az login), or set BACKSCROLL_API_KEY to a token."
_UNREACHED: Final = "Check BACKSCROLL_BASE_URL, the network, and that the upstream is running."


def cause_of(error: ToolError, *, with_key: bool) -> tuple[str, str]:
    """Return what went wrong, and how to fix it. These two texts never quote the upstream.

    Args:
        error: the error of the failed request.
        with_key: whether the request carried a key.
    """
    if isinstance(error, UnreachableError):
        return _network_cause(error), _UNREACHED
    if isinstance(error, NotSignedInError):
        return error.message.rstrip("."), _NOT_SIGNED_IN
    if error.code == "auth_failed" and not with_key:
        return NO_KEY
    return _BY_CODE.get(error.code, _REFUSED)


def _network_cause(error: UnreachableError) -> str:
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return "its host name cannot be resolved"
            case ConnectionRefusedError():
                return "nothing is listening at its address"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "TLS failed: the server may speak plain http"
            case TimeoutError():
                return "connecting took too long"
            case _:
                pass
    return error.message


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the causes of an exception, nearest first.

    If a cause is an exception group, the first exception in the group replaces it.
    """
    cause: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        cause = cause and (cause.__cause__ or cause.__context__)
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if cause is None:
            return
        yield cause
