"""Request bodies: read up to a size limit, and parsed as strict JSON."""

import json
import re
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import Request

from backscroll.database.json_text import dump_json
from backscroll.store.api_errors import ApiError
from backscroll.store.envelopes import JSON

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
# An odd number of backslashes: an even number escapes only backslashes, before a plain "u0000".
_ESCAPED_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


async def read_body(request: Request) -> bytes:
    """Return the request's body, of at most `MAX_BODY_BYTES` bytes.

    Raises:
        ApiError: 413, or 400 for a content type other than JSON.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            message = f"The request body is larger than {MAX_BODY_BYTES} bytes."
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code="request_too_large")
    kind = request.headers.get("content-type", "")
    if body and kind.partition(";")[0].strip().lower() != "application/json":
        # A browser sends JSON across origins only if a preflight allows it, which we never do.
        message = f"Unsupported content type: '{kind}'. Send 'Content-Type: application/json'."
        raise ApiError(HTTPStatus.BAD_REQUEST, message, code="unsupported_content_type")
    return bytes(body)


def parse_object(body: bytes) -> JSON:
    """Return the JSON object in `body`; an empty body is an empty object.

    Stricter than `json.loads`: no NaN or infinity, no duplicate keys, no deep nesting, and no
    text that a database cannot hold (NUL, lone surrogates).

    Raises:
        ApiError: 400 if the body is not such an object.
    """
    try:
        value = json.loads(
            body.decode() or "{}",
            object_pairs_hook=_unique_keys,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise _bad_json("it is not UTF-8") from error
    except RecursionError as error:
        raise _bad_json("it is nested too deeply") from error
    except ValueError as error:
        # Only the reason of a JSONDecodeError: the rest of its text quotes the document.
        raise _bad_json(getattr(error, "msg", str(error))) from error
    if not isinstance(value, dict):
        raise _bad_json("it is not an object")
    reason = why_unstorable(value)
    if reason is not None:
        raise _bad_json(reason)
    return value


def why_unstorable(value: object) -> str | None:
    """Return why a database might be unable to store `value` as JSON, or None.

    Text must have no NUL and no lone surrogate, numbers must be finite, and nesting is limited.
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
    holds_nul = r"\u0000" in text and _ESCAPED_NUL.search(text)
    return "a string has a NUL character" if holds_nul else None


def _unique_keys(pairs: list[tuple[str, Any]]) -> JSON:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "an object has the same key twice"
        raise ValueError(message)
    return found


def _refuse_constant(_name: str) -> object:
    message = "NaN and Infinity are not JSON"
    raise ValueError(message)


def _bad_json(reason: str) -> ApiError:
    message = f"We could not parse the JSON body of your request: {reason}."
    return ApiError(HTTPStatus.BAD_REQUEST, message, code="invalid_json")
