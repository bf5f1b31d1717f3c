"""Reads request bodies up to a size limit, and parses them as strict JSON."""

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from backscroll.database.json_text import dump_json
from backscroll.store.api_errors import ApiError
from backscroll.store.envelopes import JSON

if TYPE_CHECKING:  # as in `envelopes`
    from starlette.requests import Request

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
# `\u0000` is a NUL only after an even number of backslashes: each pair is an escaped backslash.
_ESCAPED_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


async def read_body(request: "Request") -> bytes:
    """Return the request's body.

    Raises:
        ApiError: 413 if the body exceeds `MAX_BODY_BYTES`; 400 if its content type is not JSON.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            message = f"The request body is larger than {MAX_BODY_BYTES} bytes."
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code="request_too_large")
    kind = request.headers.get("content-type", "")
    if body and kind.partition(";")[0].strip().lower() != "application/json":
        # This protects against requests from other websites: before a browser sends JSON to another
        # origin, it asks the server in a preflight request, which always fails here.
        message = f"Unsupported content type: '{kind}'. Send 'Content-Type: application/json'."
        raise ApiError(HTTPStatus.BAD_REQUEST, message, code="unsupported_content_type")
    return bytes(body)


def parse_object(body: bytes) -> JSON:
    """Return the JSON object in `body`. An empty body is parsed as an empty object.

    This rejects NaN, infinities, duplicate keys, deep nesting, NUL characters and lone surrogates.
    PostgreSQL cannot store NUL characters, and no database can store lone surrogates.

    Raises:
        ApiError: 400 if the body is not a valid object.
    """
    try:
        text = body.decode() or "{}"
        # For a byte order mark, the error of `json.loads` is clearer than the decoder's error.
        value = json.loads(text) if text.startswith("\ufeff") else _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise _bad_json("it is not UTF-8") from error
    except RecursionError as error:
        raise _bad_json("it is nested too deeply") from error
    except ValueError as error:
        # The `msg` of a JSONDecodeError gives the reason without the position.
        raise _bad_json(getattr(error, "msg", str(error))) from error
    if not isinstance(value, dict):
        raise _bad_json("it is not an object")
    reason = why_unstorable(value)
    if reason is not None:
        raise _bad_json(reason)
    return value


def why_unstorable(value: object) -> str | None:
    """Return why `value` cannot be stored as JSON, or None if it can.

    SQLite and PostgreSQL must both be able to store it, so strings must not have NUL characters or
    lone surrogates, numbers must be finite, and the nesting is limited.
    """
    try:
        text = dump_json(value)
        text.encode()
    except RecursionError:
        return "it is nested too deeply"
    except UnicodeEncodeError:
        return "a string has a lone surrogate"
    except ValueError:
        return "a number is not finite"
    has_nul = r"\u0000" in text and _ESCAPED_NUL.search(text)
    return "a string has a NUL character" if has_nul else None


def _unique_keys(pairs: list[tuple[str, Any]]) -> JSON:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "an object has the same key twice"
        raise ValueError(message)
    return found


def _reject_constant(_name: str) -> object:
    message = "NaN and Infinity are not JSON"
    raise ValueError(message)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_reject_constant)


def _bad_json(reason: str) -> ApiError:
    message = f"We could not parse the JSON body of your request: {reason}."
    return ApiError(HTTPStatus.BAD_REQUEST, message, code="invalid_json")
