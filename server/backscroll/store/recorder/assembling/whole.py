"""Reads an answer that a model server sends whole, without streaming."""

from typing import Final

from backscroll.store.recorder.assembling.assembly import Assembled, Reason
from backscroll.store.recorder.assembling.lenient_json import JSON, parse_object
from backscroll.store.recorder.assembling.server_error import error_of

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""The default of `max_bytes`."""


def read_completion(body: bytes, max_bytes: int = MAX_BODY_BYTES) -> Assembled:
    """Return the chat completion in a body.

    It is not complete if the body is larger than `max_bytes`, is not a JSON object, has an error
    instead (some servers send one with the status 200), or has no choices.
    """
    return _read(body, max_bytes, "choices")


def read_response(body: bytes, max_bytes: int = MAX_BODY_BYTES) -> Assembled:
    """Return the response in a body.

    It is not complete if the body is larger than `max_bytes`, is not a JSON object, has an error
    instead, or has no output. A response in the background is complete as the answer to the request
    that created it, though its `status` is `queued` or `in_progress`.
    """
    return _read(body, max_bytes, "output")


def _read(body: bytes, max_bytes: int, holder: str) -> Assembled:
    if len(body) > max_bytes:
        return _incomplete("too_large")
    value = parse_object(body)
    if value is None:
        return _incomplete("unreadable")
    if isinstance(value.get(holder), list):  # a response that failed has an `error` too
        return Assembled(value, complete=True)
    error = error_of("", value)
    return _incomplete("no_events" if error is None else "error", value, error)


def _incomplete(reason: Reason, value: JSON | None = None, error: JSON | None = None) -> Assembled:
    return Assembled(value or {}, complete=False, reason=reason, error=error)
