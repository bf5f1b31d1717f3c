"""What a failed exchange means for the agent: HTTP statuses and error bodies to errors.

Bodies: OpenAI's `{"error": {"message", "type", "param", "code"}}`, FastAPI's `{"detail": …}`,
and whatever proxies send. At most one sentence of a body is repeated, and none where it may
quote a key.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, cast

import httpx2
from pydantic_core import from_json

from backscroll_tools.client.profiles import Profile
from backscroll_tools.client.requests import Request
from backscroll_tools.errors import ErrorCode, ToolError

_SAID: Final = 300
"""How many characters of an upstream's own sentence an error may repeat."""

_DIGITS: Final = 9
"""How many digits of a pause are read: 30 years in seconds."""

_NO_SUCH_ROUTE: Final = frozenset({"", "not found", "404 page not found", "resource not found"})
"""What a server says of a path that it does not serve, and not of an object that it lacks."""

_STATUS: Final[dict[int, ErrorCode]] = {
    400: "invalid_arguments",
    401: "auth_failed",
    403: "forbidden",
    404: "not_found",
    405: "upstream_retired",
    409: "thread_busy",
    410: "upstream_retired",
    413: "invalid_arguments",
    422: "invalid_arguments",
    501: "upstream_retired",
}

_NEXT: Final[dict[ErrorCode, str]] = {
    "invalid_arguments": "Mend what the sentence above names, then call again.",
    "auth_failed": "Ask the operator to check BACKSCROLL_API_KEY.",
    "forbidden": "Ask the operator for access to this upstream.",
    "not_found": "Check the ids; list-threads and list-chat-completions show what exists.",
    "thread_busy": "Wait until the run has ended.",
    "upstream_unavailable": "Call again in a little while.",
    "upstream_invalid": "Ask the operator to check BACKSCROLL_BASE_URL.",
}

_LATE: Final = " What was written a moment ago may need a few seconds to show."
_OF_500: Final = " If it stays so, check the ids: some proxies answer so for what is not there."
"""LiteLLM turns its upstream's 404 into a 500 (docs/upstreams.md)."""

_REPEATED: Final = frozenset({"invalid_arguments", "not_found", "thread_busy"})
"""The codes whose errors repeat the upstream's sentence, because it names what to mend."""

_SENTENCE: Final[dict[ErrorCode, str]] = {
    "auth_failed": "The upstream refused the key.",
    "forbidden": "The upstream forbids this.",
}


def failure(
    profile: Profile, status: int, headers: Mapping[str, str], body: bytes, key: str = ""
) -> ToolError:
    """Return the error that an HTTP failure stands for.

    Args:
        profile: the kind of upstream.
        status: the HTTP status, 300 or above.
        headers: the reply's headers, for `Retry-After` and `retry-after-ms`.
        body: the reply's body.
        key: what its caller is told by, which no error repeats.
    """
    said, error_code = _said(body)
    if key and key in said:
        said = ""
    code = _code(status, said, error_code)
    if code == "upstream_retired":
        return not_served(profile)
    if code == "quota_exceeded":
        return ToolError(
            code,
            "The upstream's quota is used up.",
            next_step="Ask the operator to raise the quota of the upstream's account.",
        )
    if code == "rate_limited":
        pause = _pause(headers)
        wait = f"Wait {pause} s, then call again." if pause else "Wait, then call again."
        return ToolError(code, "The upstream limits its rate.", next_step=wait)
    sentence = _SENTENCE.get(code, f"The upstream answered with HTTP status {status}.")
    if code in _REPEATED and said:
        sentence = said
    next_step = _NEXT[code]
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        next_step += _OF_500
    if code == "not_found" and profile.lists_late:
        next_step += _LATE
    return ToolError(code, sentence, next_step=next_step)


def not_served(profile: Profile) -> ToolError:
    """Return the error for an endpoint that the upstream lacks."""
    return ToolError(
        "upstream_retired",
        f"The upstream ({profile.name}) does not serve this.",
        next_step=profile.advice,
    )


class UnreachableError(ToolError):
    """No answer came at all; what the network said of it is the exception's context."""


def unreachable(error: httpx2.HTTPError) -> UnreachableError:
    """Return the error of an exchange that the upstream never took part in."""
    return UnreachableError(
        "upstream_unavailable",
        f"The upstream could not be reached ({type(error).__name__}).",
        next_step="Call again in a little while; if it stays so, ask the operator to check it.",
    )


def outcome_unknown(request: Request) -> ToolError:
    """Return the error of a write whose answer was lost."""
    return ToolError(
        "outcome_unknown",
        "The upstream's answer to the write was lost: the message may have been written.",
        next_step=(
            "Call create-message again with the same arguments and idempotency_key "
            f'"{request.idempotency_key}".'
        ),
    )


def _code(status: int, said: str, error_code: str) -> ErrorCode:
    """Return the code of a failure, from its status and what its body says."""
    if error_code in {"insufficient_quota", "credit_balance_exhausted"}:
        return "quota_exceeded"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limited"
    if error_code == "conversation_locked" or "while a run" in said:
        return "thread_busy"
    if status == HTTPStatus.NOT_FOUND and (
        said.lower().rstrip(".") in _NO_SUCH_ROUTE or said.startswith("Invalid URL")
    ):
        return "upstream_retired"
    if status == HTTPStatus.BAD_REQUEST and "not found" in said.lower():
        return "not_found"  # so says OGX of an unknown chat completion
    if status in _STATUS:
        return _STATUS[status]
    return (
        "upstream_unavailable" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "upstream_invalid"
    )


def _said(body: bytes) -> tuple[str, str]:
    """Return the upstream's sentence, on one line and bounded, and its error code."""
    try:
        value: object = from_json(body)
    except ValueError:
        return "", ""
    match value:
        case {"error": {"message": str() as message, **rest}}:
            code = cast("dict[str, object]", rest).get("code")
            return _line(message), code if isinstance(code, str) else ""
        case {"error": str() as message} | {"detail": str() as message}:
            return _line(message), ""
        case {"detail": [{"msg": str() as message, "loc": [_, *names]}, *_]}:
            return _line(f"{'.'.join(map(str, names))}: {message}"), ""
        case _:
            return "", ""


def _pause(headers: Mapping[str, str]) -> int:
    """Return how many seconds to wait, or 0 where the upstream names none that can be."""
    milliseconds, seconds = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    if milliseconds.isdecimal():
        return math.ceil(int(milliseconds[:_DIGITS]) / 1000)
    return int(seconds[:_DIGITS]) if seconds.isdecimal() else 0


def _line(text: str) -> str:
    return " ".join(text.split())[:_SAID]
