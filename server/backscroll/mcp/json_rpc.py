"""Parses bytes from a transport into a message or an error reply.

MCP restricts JSON-RPC 2.0: ids are strings or integers, and only version 2025-03-26 has batches.
"""

import re
from codecs import BOM_UTF8
from typing import Final, TypeAlias, TypeGuard, cast

from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    RequestId,
    jsonrpc_message_adapter,
)
from msgspec import Struct
from pydantic import ValidationError

from backscroll.mcp.flaws import LINE, Carrier, describe
from backscroll.mcp.lines import LINE_BYTES, Overlong
from backscroll_tools import strict_json
from backscroll_tools.strict_json import JSONFlawError

_Object: TypeAlias = dict[str, object]

WITH_BATCHES: Final = "2025-03-26"
"""The only protocol version with batches."""

_NO_OBJECT: Final = "The arguments of a call must be one JSON object, such as {} if there are none."


class Received(Struct, frozen=True):
    """A message for the server.

    Attributes:
        message: the message.
        refused: why the arguments of a tool call are invalid and were removed; empty if they were
            not removed.
        altered: whether this module changed the arguments of a tool call. The module removes
            invalid arguments, and parses a string of JSON that the host sent instead of an object.
    """

    message: JSONRPCMessage
    refused: str = ""
    altered: bool = False


class Dropped(Struct, frozen=True):
    """An invalid line that must not be answered. The reason is logged, so it quotes no data."""

    reason: str


Parsed: TypeAlias = Received | JSONRPCError | Dropped | None
"""The result of parsing a line: a message, an error reply, or an invalid line that must not be
answered; None for a blank line."""


def parse(line: bytes | Overlong, carrier: Carrier = LINE, *, whole: bool = True) -> Parsed:
    """Parse a line or a body.

    Args:
        line: the line without its newline, or the body.
        carrier: `LINE` or `BODY`, for error messages.
        whole: whether the line is complete. It is incomplete if the input ended before a newline.
    """
    if isinstance(line, Overlong):
        message = (
            f"The line has {line.size} bytes; a message may have at most {LINE_BYTES}. "
            "Send a smaller message."
        )
        return _error(_id_at_edges(line.start, line.end if whole else b""), message)
    line = without_mark(line)
    if not line or line.isspace():
        return None
    try:
        value = strict_json.loads(line)
    except JSONFlawError as flaw:
        return _flawed(line, describe(flaw, carrier), whole=whole)
    if isinstance(value, list):
        message = f"Only MCP {WITH_BATCHES} has batches. Send one message per {carrier.name}, or"
        return _error(None, f"{message} {carrier.choosing}.")
    if not isinstance(value, dict):
        return _error(None, "A message must be a JSON object.")
    return _message(cast("_Object", value))


def parse_batch(line: bytes, most: int) -> list[Parsed] | JSONRPCError | None:
    """Return the messages of a batch (JSON-RPC 2.0, section 6), or None for any other line.

    Return an error if the batch is empty or too long.

    Only version 2025-03-26 of MCP has batches. Servers of that version must accept them.

    Args:
        line: the line without its newline, or the body.
        most: the maximum number of messages.
    """
    line = without_mark(line)
    if not line.lstrip().startswith(b"["):
        return None
    try:
        values = strict_json.loads(line)
    except JSONFlawError:
        return None
    if not isinstance(values, list):
        return None
    if not values:
        return _error(None, "A batch must have at least one message.")
    if len(values) > most:
        return _error(None, f"A batch may have at most {most} messages. Send fewer at once.")
    return [
        _message(cast("_Object", value))
        if isinstance(value, dict)
        else _error(None, "A message must be a JSON object.")
        for value in cast("list[object]", values)
    ]


def without_mark(line: bytes) -> bytes:
    """Replace a byte order mark at the start of a line with spaces (RFC 8259, section 8.1).

    Some programs on Windows write such a mark. The line keeps its length, so that the positions in
    error messages are those in the original line.
    """
    return b"   " + line[len(BOM_UTF8) :] if line.startswith(BOM_UTF8) else line


def _message(value: _Object) -> Parsed:
    flaw = _flaw(value)
    if "method" not in value and ("result" in value or "error" in value):
        try:
            reply = None if flaw else jsonrpc_message_adapter.validate_python(value, by_name=False)
        except ValidationError:
            reply = None
        return Dropped("a malformed reply") if reply is None else Received(reply)
    request_id = value.get("id")
    if flaw:
        if isinstance(value.get("method"), str) and "id" not in value:
            return Dropped("a malformed notification")
        return _error(request_id if is_id(request_id) else None, flaw)
    method, params = cast("str", value["method"]), cast("_Object | None", value.get("params"))
    if "id" not in value:
        return Received(JSONRPCNotification(jsonrpc="2.0", method=method, params=params))
    request_id = cast("RequestId", request_id)
    refused = ""
    altered = method == "tools/call" and not isinstance(
        (params or {}).get("arguments"), dict | None
    )
    if params is not None and altered:
        arguments = _arguments_in(params["arguments"])
        refused = _NO_OBJECT if arguments is None else ""
        params = {**params, "arguments": arguments or {}}
    request = JSONRPCRequest(jsonrpc="2.0", id=request_id, method=method, params=params)
    return Received(request, refused, altered)


def _arguments_in(text: object) -> _Object | None:
    """Parse arguments that some hosts send as a string of JSON. Return None if they are invalid.

    An empty string means that there are no arguments.
    """
    if not isinstance(text, str):
        return None
    try:
        value = strict_json.loads(text.encode()) if text.strip() else {}
    except JSONFlawError:
        return None
    return cast("_Object", value) if isinstance(value, dict) else None


def _flaw(value: _Object) -> str:
    """Return a rule of JSON-RPC 2.0 that an object violates, or an empty string if it is valid."""
    if value.get("jsonrpc") != "2.0":
        return 'jsonrpc must be "2.0".'
    if "method" not in value and "result" not in value and "error" not in value:
        return "A message must have a method."
    if not isinstance(value.get("method", ""), str):
        return "method must be a string."
    if not isinstance(value.get("params", {}), dict | None):
        return "params must be an object."
    if "method" in value and "id" in value and not is_id(value["id"]):
        return "id must be a string or an integer."
    return ""


def _flawed(line: bytes, flaw: str, *, whole: bool) -> Parsed:
    value = strict_json.guess(line)
    if not isinstance(value, dict):
        if not whole:
            flaw = f"The input ended after {len(line)} bytes of a message. Send a complete message."
        end = line[-EDGE:] if whole else b""
        return _error(_id_at_edges(line[:EDGE], end, closed=False), flaw, PARSE_ERROR)
    guessed = cast("_Object", value)
    method, request_id = guessed.get("method"), guessed.get("id")
    if isinstance(method, str) and "id" not in guessed:
        return Dropped("a notification with invalid JSON")
    if "method" not in guessed and ("result" in guessed or "error" in guessed):
        return Dropped("a reply with invalid JSON")
    if not is_id(request_id) or not strict_json.is_sound(request_id):
        return _error(None, flaw, PARSE_ERROR)
    params = _without_arguments(guessed.get("params"))
    if method == "tools/call" and params is not None:
        request = JSONRPCRequest(jsonrpc="2.0", id=request_id, method="tools/call", params=params)
        return Received(request, refused=flaw)
    return _error(request_id, flaw, PARSE_ERROR)


def _without_arguments(params: object) -> _Object | None:
    """Return a call's parameters with the arguments replaced by `{}`.

    Return None if the name or `_meta` is invalid.
    """
    if not isinstance(params, dict) or not isinstance(params.get("name"), str):
        return None
    kept: _Object = {"name": params["name"]}
    if "_meta" in params:
        kept["_meta"] = params["_meta"]
    return {**kept, "arguments": {}} if strict_json.is_sound(kept) else None


def is_id(value: object) -> TypeGuard[RequestId]:
    """Return whether a value can be the id of a request."""
    return isinstance(value, str | int) and not isinstance(value, bool)


EDGE: Final = 1024
"""A request's id is searched for in this many bytes at each end of a line."""

_ID: Final = rb'"id"\s*:\s*(-?[0-9]{1,18}|"[^"\\\x00-\x1f]{0,256}")\s*'
_VERSION: Final = rb'"jsonrpc"\s*:\s*"2\.0"\s*,\s*'
_METHOD: Final = rb'"method"\s*:\s*"[^"\\]{0,128}"\s*,\s*'
_OPEN: Final = rb"\s*\{\s*(?:" + _VERSION + rb")?"
_STARTS: Final = tuple(
    re.compile(_OPEN + rest)
    for rest in (
        _ID + rb",\s*(?:" + _VERSION + rb')?"method"',
        _METHOD + rb"(?:" + _VERSION + rb")?" + _ID + rb",",
    )
)
_STARTS_WITH_METHOD: Final = re.compile(_OPEN + _METHOD)
_END: Final = re.compile(rb",\s*" + _ID + rb"\}\s*\Z")
_FULL_END: Final = re.compile(rb",\s*" + _VERSION + _ID + rb"\}\s*\Z")


def _id_at_edges(start: bytes, end: bytes, *, closed: bool = True) -> RequestId | None:
    """Return the id of a request that cannot be parsed, or None if the id is not certain.

    A member `id` certainly belongs to the request, and not to a nested object, if it precedes the
    first nested value, or if it directly precedes the closing brace of the request.

    Args:
        start: the line's first bytes.
        end: the line's last bytes; empty if the line is not complete.
        closed: whether the last brace certainly closes the request. If False, the last brace may
            close the arguments, so an id at the end is certain only if it directly follows
            `jsonrpc`.
    """
    found = _STARTS[0].match(start) or _STARTS[1].match(start)
    if found is None and _STARTS_WITH_METHOD.match(start):
        found = (_END if closed else _FULL_END).search(end)
    request_id = strict_json.guess(found[1]) if found else None
    return request_id if is_id(request_id) and strict_json.is_sound(request_id) else None


def _error(request_id: RequestId | None, message: str, code: int = INVALID_REQUEST) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))
