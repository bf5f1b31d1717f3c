"""Decodes compressed request bodies within a limit."""

import zlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from backscroll.store.api_errors import ApiError, invalid_value

_GZIP: Final = 16 + zlib.MAX_WBITS
_MAX_WINDOW_BYTES: Final = 128 * 1024**2
"""The memory that a zstandard body may require. The program `zstd` has the same default limit."""


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a request body without its compression.

    Args:
        body: the body as received.
        encoding: the header `Content-Encoding`; empty if it is missing.
        limit: the maximum size of the decoded body in bytes.

    Raises:
        ApiError: 413 if the decoded body is larger than `limit`; 415 if the encoding is unknown;
            400 if the body is damaged.
    """
    decode = _DECODERS.get(encoding.strip().lower())
    if decode is None:
        message = f"Unsupported content encoding: '{encoding[:64]}'. Use gzip, zstd or none."
        code = "unsupported_content_encoding"
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message, code=code)
    found = decode(body, limit + 1)
    if len(found) > limit:
        message = f"The decoded request body is larger than {limit} bytes."
        raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code="request_too_large")
    return found


def _identity(body: bytes, _most: int) -> bytes:
    return body


def _gunzipped(body: bytes, most: int) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        found = stream.decompress(body, most)
    except zlib.error:
        raise _damaged("gzip") from None
    if not stream.eof and len(found) < most:
        raise _damaged("gzip")
    return found


def _from_zstandard(body: bytes, most: int) -> bytes:
    import zstandard  # only a few clients compress requests

    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).stream_reader(body)
    try:
        return reader.read(most)
    except zstandard.ZstdError:
        raise _damaged("zstd") from None


def _damaged(name: str) -> ApiError:
    message = f"The request body is not valid {name}."
    return invalid_value("Content-Encoding", message, code="invalid_content_encoding")


_DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "": _identity,
    "identity": _identity,
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "zstd": _from_zstandard,
}
