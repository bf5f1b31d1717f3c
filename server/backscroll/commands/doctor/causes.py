"""Explains to the operator why a request to the upstream failed, and what to do."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from backscroll.upstream.credentials import NotSignedInError
from backscroll_tools.client.failures import UnreachableError
from backscroll_tools.errors import ErrorCode, ToolError

_CAUSES: Final = 8
"""The maximum number of chained exceptions that are examined."""

_SAYS: Final[dict[ErrorCode, tuple[str, str]]] = {
    "auth_failed": (
        "the caller was refused",
        "Check the key: is it whole, alive, and this upstream's?",
    ),
    "forbidden": ("the caller may not do this", "Give the key's account or role access to it."),
    "rate_limited": (
        "asked to wait: too many requests",
        "Wait a little, then run backscroll doctor again.",
    ),
    "quota_exceeded": ("the account's quota is used up", "Raise the quota of the account."),
    "upstream_unavailable": (
        "answered with an error of its own",
        "Look at the upstream's log, or run backscroll doctor again later.",
    ),
    "upstream_invalid": (
        "answered with what is no list and no object of OpenAI's format",
        "Check BACKSCROLL_BASE_URL: most such APIs begin at /v1.",
    ),
    "upstream_retired": ("is not served", ""),
}
_REFUSED: Final = ("refused the request", "Check BACKSCROLL_UPSTREAM: is it of another kind?")
NO_KEY: Final = ("asks for a key", "Set BACKSCROLL_API_KEY: no key is sent.")
_NOT_SIGNED_IN: Final = "Sign in (az login), or set BACKSCROLL_API_KEY to a token."
_UNREACHED: Final = "Check BACKSCROLL_BASE_URL, the network, and that the upstream runs."


def cause_of(error: ToolError, *, with_key: bool) -> tuple[str, str]:
    """Return what went wrong and what to do about it, without quoting the upstream.

    Args:
        error: the error of the failed request.
        with_key: whether the request carried a key.
    """
    if isinstance(error, UnreachableError):
        return _unreached(error), _UNREACHED
    if isinstance(error, NotSignedInError):
        return error.message.rstrip("."), _NOT_SIGNED_IN
    if error.code == "auth_failed" and not with_key:
        return NO_KEY
    return _SAYS.get(error.code, _REFUSED)


def _unreached(error: UnreachableError) -> str:
    for cause in _behind(error):
        match cause:
            case socket.gaierror():
                return "the name of its host is not known"
            case ConnectionRefusedError():
                return "nothing listens at its address"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted: {cause.verify_message}"
            case ssl.SSLError():
                return "TLS failed: is it plain http?"
            case TimeoutError():
                return "no connection could be made in time"
            case _:
                pass
    return error.message


def _behind(error: BaseException) -> Iterator[BaseException]:
    """Yield the causes of an exception, nearest first; a group is replaced by its first error."""
    cause: BaseException | None = error
    for _ in range(_CAUSES):
        cause = cause and (cause.__cause__ or cause.__context__)
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if cause is None:
            return
        yield cause
