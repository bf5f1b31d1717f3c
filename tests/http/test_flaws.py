"""Errors about a body speak of the body, and errors about a line of the line."""

import re
from typing import Final

import pytest
from mcp.types import JSONRPCError

from backscroll.http.dispatch import ParsedBody, parsed
from backscroll.mcp import json_rpc
from backscroll.mcp.json_rpc import Received

CALL: Final = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","arguments":%s}}'
FLAWED: Final = {
    "not UTF-8": CALL % b'"\xff"',
    "no number": CALL % b"NaN",
    "a lone surrogate": CALL % rb'"\ud800"',
    "a control character": CALL % b'"\x00"',
    "a key twice": CALL % b'{"a":1,"a":2}',
    "too deep": CALL % (b"[" * 200 + b"]" * 200),
    "deeper still": b"[" * 100_000,
    "no JSON": b'{"jsonrpc"',
    "nothing of JSON": b"nonsense",
    "a batch": b"[]",
    "no object": b"5",
}


def told(found: object) -> str:
    """Return the sentence that a client, or its model, gets."""
    match found:
        case JSONRPCError() as error:
            return error.error.message
        case ParsedBody(received=Received(refused=refused)) | Received(refused=refused):
            return refused
        case _:
            raise TypeError(found)


@pytest.mark.parametrize("raw", FLAWED.values(), ids=FLAWED)
def test_errors_speak_of_bodies_over_http_and_of_lines_over_stdio(raw: bytes) -> None:
    over_http, over_stdio = told(parsed(raw)), told(json_rpc.parse(raw))

    assert over_http
    assert re.findall(r"\b(?:line|stdio)\w*", over_http) == []
    assert re.findall(r"\b(?:body|request|HTTP)\w*", over_stdio) == []
