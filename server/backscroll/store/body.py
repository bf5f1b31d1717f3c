"""Request bodies: read within a bound, parsed as strict JSON."""

import json
import math
from typing import Any, Final

from starlette.requests import Request

from backscroll.store.errors import WireError
from backscroll.store.wire import Json

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
_MAX_DEPTH: Final = 64


async def read_body(request: Request) -> bytes:
    """Return the request's body, of at most ``MAX_BODY_BYTES`` bytes.

    Raises:
        WireError: 413, or 400 for a content type other than JSON.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            message = f"The request body is larger than {MAX_BODY_BYTES} bytes."
            raise WireError(413, message, code="request_too_large")
    kind = request.headers.get("content-type", "")
    if body and kind.partition(";")[0].strip().lower() != "application/json":
        # A browser sends JSON across origins only when asked to, which this server never does.
        message = f"Unsupported content type: '{kind}'. Send 'Content-Type: application/json'."
        raise WireError(400, message, code="unsupported_content_type")
    return bytes(body)


def parse_object(body: bytes) -> Json:
    """Return the JSON object in ``body``; an empty body is an empty object.

    Stricter than ``json.loads``: no NaN or infinity, no key twice, no deep nesting, and no text
    that a database cannot hold (NUL, lone surrogates).

    Raises:
        WireError: 400.
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
        # Of a JSONDecodeError the reason alone: the rest of its text quotes the document.
        raise _bad_json(getattr(error, "msg", str(error))) from error
    if not isinstance(value, dict):
        raise _bad_json("it is not an object")
    reason = why_unstorable(value)
    if reason is not None:
        raise _bad_json(reason)
    return value


def why_unstorable(root: object) -> str | None:
    """Return why not every database can hold ``root``, a JSON value, or None.

    Text has no NUL and no lone surrogate, numbers are finite, and nesting is at most 64 deep.
    """
    level: list[object] = [root]
    for _ in range(_MAX_DEPTH):
        if not level:
            return None
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, (list, tuple)):
                below += value
            elif isinstance(value, str) and not _is_storable(value):
                return "a string has a NUL character or a lone surrogate"
            elif isinstance(value, float) and not math.isfinite(value):
                return "a number is not finite"
        level = below
    return "it is nested too deeply"


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _unique_keys(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        message = "an object has the same key twice"
        raise ValueError(message)
    return found


def _refuse_constant(_name: str) -> object:
    message = "NaN and Infinity are not JSON"
    raise ValueError(message)


def _bad_json(reason: str) -> WireError:
    message = f"We could not parse the JSON body of your request: {reason}."
    return WireError(400, message, code="invalid_json")
