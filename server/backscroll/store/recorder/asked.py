"""Reads a request for an answer, and decides whether the answer is recorded."""

from http import HTTPStatus
from typing import Final

from msgspec import Struct
from starlette.requests import Request

from backscroll.store.api_errors import ApiError, invalid_value
from backscroll.store.envelopes import JSON, partition_of
from backscroll.store.keyed_requests import KeyedRequest
from backscroll.store.recorder.assembling.lenient_json import parse_object
from backscroll.store.recorder.decoding import decoded
from backscroll.store.recorder.keeping import Keeping
from backscroll.store.request_body import MAX_BODY_BYTES, read_body

_MAX_CHOICES: Final = 128
"""The maximum of `n` in OpenAI's API."""


class Asked(Struct, frozen=True):
    """A request for an answer.

    Attributes:
        request: the request.
        partition: its partition.
        content: its body, decoded.
        body: the same as JSON.
        is_kept: whether the answer is recorded.
        keyed: the request with its idempotency key, if it has one and the answer is recorded.
    """

    request: Request
    partition: str
    content: bytes
    body: JSON
    is_kept: bool
    keyed: KeyedRequest | None

    @property
    def streams(self) -> bool:
        """Whether the caller asks for a stream."""
        return self.body.get("stream") is True

    @property
    def choices(self) -> int:
        """How many choices the caller asks for."""
        count = self.body.get("n")
        return count if isinstance(count, int) and 1 <= count <= _MAX_CHOICES else 1


async def read_asked(request: Request, keeping: Keeping, *, stores_by_default: bool) -> Asked:
    """Read a request for an answer.

    Args:
        request: the request.
        keeping: writes the records.
        stores_by_default: whether OpenAI's API would keep the answer to a request without `store`.

    Raises:
        ApiError: 400, 413 or 415 if the body cannot be read; 400 for `store: true` if nothing is
            recorded.
    """
    raw = await read_body(request)
    content = decoded(raw, request.headers.get("content-encoding", ""), MAX_BODY_BYTES)
    body = parse_object(content)
    if body is None:
        message = "We could not parse the JSON body of your request: it is not an object."
        raise ApiError(HTTPStatus.BAD_REQUEST, message, code="invalid_json")
    is_kept = _is_kept(keeping, body.get("store"), stores_by_default=stores_by_default)
    keyed = keeping.keyed(request, body) if is_kept else None
    return Asked(request, partition_of(request), content, body, is_kept, keyed)


def _is_kept(keeping: Keeping, store: object, *, stores_by_default: bool) -> bool:
    if keeping.record == "none" and store is True:
        message = (
            "'store' cannot be true: this recorder keeps nothing, because BACKSCROLL_RECORD is "
            "none. Leave 'store' out."
        )
        raise invalid_value("store", message, code="unsupported_value")
    if keeping.record in {"none", "all"}:
        return keeping.record == "all"
    return store if isinstance(store, bool) else stores_by_default
