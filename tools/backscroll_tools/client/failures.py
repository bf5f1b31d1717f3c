"""Builds the errors for failed requests, from HTTP statuses and error bodies.

An error quotes only the message in a body. In the quotation, characters that control a terminal are
escaped. A message that contains the caller's key is not quoted.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

from backscroll_tools.client import advice, retry, statuses
from backscroll_tools.client.error_body import sentence_and_code
from backscroll_tools.client.groups import THREADS, Group
from backscroll_tools.client.profiles import Profile
from backscroll_tools.errors import ErrorCode, ToolError

Fate: TypeAlias = Literal["unsent", "refused", "unknown"]
"""Whether the upstream may have acted on a request; see `ExchangeError.fate`."""

_DATABASE_PREFIX: Final = "database_"
"""The prefix of the embedded store's error codes for database failures. After such a failure,
nothing was written."""

_PASSING: Final = frozenset({"database_busy", "database_unavailable"})
"""The database error codes after which the same request may succeed later, without any repair."""

_ATTEMPTS_IF_LOCKED: Final = 2
"""The maximum number of attempts of a request if the store's database is locked. In each attempt,
the store waits ten seconds for the lock. More attempts might take longer than the sixty seconds
after which many hosts cancel a call."""

_FINAL: Final = frozenset({"quota_exceeded", "upstream_retired"})
"""The codes of failures that are never retried, whatever the status."""

_REPEATED: Final = frozenset({"invalid_arguments", "not_found", "thread_busy"})
"""The codes whose errors quote the upstream's message, because it helps agents to fix the call."""


class ExchangeError(ToolError):
    """A failed request, with what is known about its effect.

    Attributes:
        fate: what happened to the request. `unsent`: it never reached the upstream. `refused`: the
            upstream did not act on it. `unknown`: the upstream may have acted, or may still act.
        again: whether the same request may succeed if it is sent again.
        retry_after_s: the pause before a retry that the upstream asks for, in seconds; 0 if it asks
            for no pause.
        reuses_key: whether the request's idempotency key was used with a different request before.
        too_large: whether the reply was too large.
        head: the first bytes of a reply that was too large.
        tail: the last bytes of that reply, if they were read.
        size: the size of that reply in bytes; 0 if unknown.
        attempts: the maximum number of attempts of the request, including those that have failed.
        wait_s: the time after which a write with an unknown outcome can no longer arrive, in
            seconds; 0 if unknown.
    """

    fate: Fate = "unsent"
    again: bool = False
    retry_after_s: float = 0.0
    reuses_key: bool = False
    too_large: bool = False
    head: bytes = b""
    tail: bytes = b""
    size: int = 0
    attempts: int = retry.ATTEMPTS
    wait_s: float = 0.0


def failure(  # noqa: PLR0913 - the parts of a reply and of its request
    profile: Profile,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    key: str = "",
    *,
    now: float,
    endpoint: str = "this",
    group: Group | None = None,
) -> ExchangeError:
    """Return the error for a reply whose HTTP status is not a success.

    Args:
        profile: the kind of upstream.
        status: the HTTP status.
        headers: the reply's headers, for `Retry-After` and `retry-after-ms`.
        body: the reply's body.
        key: the caller's API key or token. A message that contains it is not quoted.
        now: the current time, in Unix seconds. It is needed if `Retry-After` is a date.
        endpoint: the endpoint, in the format of `Request.endpoint`.
        group: the endpoint's group; None if unknown.
    """
    message, error_code = sentence_and_code(body)
    if key and key in message:
        message = ""
    is_database = error_code.startswith(_DATABASE_PREFIX)
    if profile.reports_database_errors and is_database:
        message = message or f"The upstream answered with HTTP status {status}."
        return _database_failure(error_code, message, retry.retry_after_s(headers, now))
    code = statuses.code_of(status, message, error_code)
    retry_after_s = retry.retry_after_s(headers, now)
    if code == "upstream_retired":
        error = not_served(profile, endpoint)
    else:
        error = _error(profile, code, status, message, retry_after_s)
    if group is not None and group.needs_admin_key:
        error.next_step = advice.NEXT_FOR_ADMIN.get(code, error.next_step)
    if code == "not_found" and group is not None:
        error.shown_by = advice.SHOWN_BY.get(group, ())
    if is_database and message:
        error.message = message
    error.next_step = advice.NEXT_OF.get(error_code, error.next_step)
    error.retry = advice.RETRY_OF.get(error_code, error.retry)
    error.attempts = _attempts(error_code)
    error.retry_after_s = retry_after_s
    error.reuses_key = error_code == "idempotency_key_reused"
    error.fate = "unknown" if statuses.leaves_open(status, retry_after_s) else "refused"
    error.again = status in statuses.AGAIN and code not in _FINAL
    return error


def _database_failure(error_code: str, message: str, retry_after_s: float) -> ExchangeError:
    """Return the error for a database failure of the embedded store. Nothing was written."""
    error = ExchangeError(
        "upstream_unavailable", message, next_step=advice.NEXT["upstream_unavailable"]
    )
    error.fate, error.again, error.retry_after_s = "refused", error_code in _PASSING, retry_after_s
    error.next_step = advice.NEXT_OF.get(error_code, error.next_step)
    error.attempts = _attempts(error_code)
    if not error.again:
        error.next_step, error.retry = advice.FIX, advice.FIXED
    return error


def _attempts(error_code: str) -> int:
    """Return the maximum number of attempts of a request after a failure with this code."""
    return _ATTEMPTS_IF_LOCKED if error_code == "database_busy" else retry.ATTEMPTS


def _error(
    profile: Profile, code: ErrorCode, status: int, message: str, retry_after_s: float
) -> ExchangeError:
    if code == "quota_exceeded":
        return ExchangeError(
            code,
            "The upstream's quota is used up.",
            next_step="Ask the operator to raise the quota of the upstream's account.",
        )
    if code == "rate_limited":
        wait = f"Wait {math.ceil(retry_after_s)} s" if retry_after_s else "Wait"
        sentence = "The upstream's rate limit was reached."
        return ExchangeError(code, sentence, next_step=f"{wait}, then call again.")
    sentence = advice.SENTENCE.get(code, f"The upstream answered with HTTP status {status}.")
    if code in _REPEATED and message:
        sentence = message
    next_step = advice.NEXT[code]
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        next_step += advice.AFTER_500
    if code == "not_found" and profile.lists_late:
        next_step += advice.LISTED_LATE
    return ExchangeError(code, sentence, next_step=next_step)


def not_served(profile: Profile, endpoint: str) -> ExchangeError:
    """Return the error for an endpoint that the upstream does not serve.

    Args:
        profile: the kind of upstream.
        endpoint: the endpoint, in the format of `Request.endpoint`.
    """
    lacks_threads = THREADS not in profile.serves and " /threads" in endpoint
    needs_advice = lacks_threads or endpoint in advice.THREADS_ENDPOINTS
    return ExchangeError(
        "upstream_retired",
        f"The upstream ({profile.name}) does not serve {endpoint}.",
        next_step=profile.advice if needs_advice else advice.ASK,
    )


def without_admin_key() -> ToolError:
    """Return the error for a request that needs an admin key, if the caller has none."""
    return ToolError(
        "forbidden",
        "This kind of object belongs to the organization and needs an admin key.",
        next_step=(
            "Ask the operator to set BACKSCROLL_ADMIN_KEY. If you connect over HTTP with a token, "
            'ask for a token with the scope "admin" instead.'
        ),
        retry="safe, but pointless without the key.",
    )


NO_ANSWER: Final = "no answer in time"
"""The `kind` of an `UnreachableError` after a timeout."""


class UnreachableError(ExchangeError):
    """No reply arrived. The network error, if there was one, is in `__context__`.

    Attributes:
        kind: the name of the network error, or `NO_ANSWER`.
    """

    kind: str = ""


def unreachable(kind: str, fate: Fate) -> UnreachableError:
    """Return the error for a request that received no reply.

    Args:
        kind: the name of the network error, or `NO_ANSWER`.
        fate: `unsent` or `unknown`.
    """
    error = UnreachableError(
        "upstream_unavailable",
        f"The upstream could not be reached ({kind}).",
        next_step=(
            "Call again in a few seconds; if this persists, ask the operator to check the upstream."
        ),
    )
    error.fate, error.again, error.kind = fate, True, kind
    return error


def unreadable(why: str) -> ExchangeError:
    """Return the error for a reply whose body cannot be read."""
    error = ExchangeError("upstream_invalid", why, next_step=advice.NEXT["upstream_invalid"])
    error.fate = "unknown"
    return error


def too_large(most: float, head: bytes = b"", tail: bytes = b"", size: int = 0) -> ExchangeError:
    """Return the error for a reply of more than `most` bytes.

    Args:
        most: the maximum size of a reply, in bytes.
        head: see `ExchangeError.head`.
        tail: see `ExchangeError.tail`.
        size: see `ExchangeError.size`.
    """
    error = ExchangeError(
        "upstream_invalid",
        f"The upstream's reply is larger than {most / 1024 / 1024:g} MiB.",
        next_step="Ask the operator to raise BACKSCROLL_REPLY_BYTES.",
        retry="safe, but pointless until the limit is raised.",
    )
    error.fate, error.too_large = "unknown", True
    error.head, error.tail, error.size = head, tail, size
    return error


def unrelated() -> ExchangeError:
    """Return the error for a reply that belongs to another request."""
    error = ExchangeError(
        "upstream_invalid",
        "The upstream's reply belongs to another request.",
        next_step="Call again; if this persists, ask the operator to check BACKSCROLL_BASE_URL.",
    )
    error.fate, error.again = "unknown", True
    return error


class TooManyRequestsError(ExchangeError):
    """The call needs more upstream requests than it may send. The upstream did not fail."""


def too_many_requests() -> TooManyRequestsError:
    """Return the error for a call that needs more upstream requests than it may send."""
    return TooManyRequestsError(
        "upstream_unavailable",
        "The call needs more upstream requests than one call may make.",
        next_step="Use a smaller limit, and continue with cursor.",
    )


def outcome_unknown(idempotency_key: str, wait_s: float = 0.0) -> ExchangeError:
    """Return the error for a write that the upstream may or may not have acted on.

    Args:
        idempotency_key: the key that makes the same call safe to repeat.
        wait_s: the time after which the write can no longer reach the upstream, in seconds; 0 if
            unknown.
    """
    when = f" in {math.ceil(wait_s)} s" if wait_s else ""
    error = ExchangeError(
        "outcome_unknown",
        "The upstream's reply to the write was lost: the message may have been written.",
        next_step=(
            f"Call create-message again{when} with the same arguments and idempotency_key "
            f'"{idempotency_key}".'
        ),
    )
    error.fate, error.wait_s = "unknown", wait_s
    return error
