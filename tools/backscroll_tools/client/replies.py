"""Replies of an upstream: bytes to JSON, list envelopes, and failures to errors.

Lenient: a field that is missing, null or unknown never fails a reply.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, cast

from pydantic_core import from_json

from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON

_SAID: Final = 300
"""How many characters of an upstream's own sentence an error may repeat."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A list envelope: the items, whether more follow, and the id to continue after."""

    items: tuple[JSON, ...]
    has_more: bool
    last_id: str | None


def decode(body: bytes) -> JSON:
    """Return a reply's JSON object.

    Raises:
        ToolError: `upstream_invalid` where it is not a JSON object.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ToolError(
            "upstream_invalid",
            "The upstream's reply is not a JSON object.",
            next_step="Check that BACKSCROLL_BASE_URL is an OpenAI-shaped API.",
        )
    return cast("JSON", value)


def listed(reply: JSON) -> Reply:
    """Return a list reply's items, those without an id left out.

    Raises:
        ToolError: `upstream_invalid` where there is no list in it.
    """
    data = reply.get("data")
    if not isinstance(data, list):
        raise ToolError("upstream_invalid", "The upstream's list reply has no `data` array.")
    rows = cast("list[object]", data)
    items = tuple(
        cast("JSON", row)
        for row in rows
        if isinstance(row, dict) and isinstance(cast("JSON", row).get("id"), str)
    )
    last_id = reply.get("last_id")
    return Reply(
        items, reply.get("has_more") is True, last_id if isinstance(last_id, str) else None
    )


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ToolError:
    """Return the error that an HTTP failure stands for.

    Args:
        status: the HTTP status, 300 or above.
        headers: the reply's headers, for `Retry-After`.
        body: the reply's body, of which at most one short sentence is repeated.
    """
    said, code = _said(body)
    if code in {"insufficient_quota", "credit_balance_exhausted"}:
        return ToolError(
            "quota_exceeded",
            "The upstream's quota is used up.",
            next_step="Ask the operator to raise the quota of the upstream's account.",
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        pause = headers.get("retry-after", "")
        wait = (
            f"Wait {pause} s, then call again." if pause.isdecimal() else "Wait, then call again."
        )
        return ToolError("rate_limited", "The upstream limits its rate.", next_step=wait)
    if code == "conversation_locked" or "while a run" in said:
        return ToolError("thread_busy", said, next_step="Wait until the run has ended.")
    kind = _STATUS.get(status, "upstream_invalid")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        kind = "upstream_unavailable"
    fallback = f"The upstream answered with HTTP status {status}."
    return ToolError(kind, said or fallback, next_step=_NEXT.get(kind, ""))


_STATUS: Final[dict[int, ErrorCode]] = {
    400: "invalid_arguments",
    401: "auth_failed",
    403: "forbidden",
    404: "not_found",
    409: "thread_busy",
    410: "upstream_retired",
    413: "invalid_arguments",
    422: "invalid_arguments",
}

_NEXT: Final[dict[ErrorCode, str]] = {
    "invalid_arguments": "Mend what the sentence above names, then call again.",
    "auth_failed": "Ask the operator to check BACKSCROLL_API_KEY.",
    "forbidden": "Ask the operator for access to this upstream.",
    "not_found": "Check the ids; list-threads and list-chat-completions show what exists.",
    "upstream_unavailable": "Call again in a little while.",
}


def _said(body: bytes) -> tuple[str, str]:
    """Return the upstream's sentence, on one line and bounded, and its error code."""
    try:
        value: object = from_json(body)
    except ValueError:
        return "", ""
    error: object = cast("JSON", value).get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return "", ""
    envelope = cast("JSON", error)
    message, code = envelope.get("message"), envelope.get("code")
    sentence = " ".join(message.split())[:_SAID] if isinstance(message, str) else ""
    return sentence, code if isinstance(code, str) else ""
