"""A line is parsed into a message, an error or nothing, and never into what was not sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
)
from msgspec.structs import replace

from backscroll.mcp.json_rpc import Dropped, Received, parse
from backscroll.mcp.lines import Overlong

HEAD = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"create-message",'
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "progressToken": 3}

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)
LONE = (
    "A string has a lone surrogate, {}, at byte {} of the line. "
    "Send both surrogates of the pair, or none."
)
NO_BATCHES = (
    "Only MCP 2025-03-26 has batches. Send one message per line, or agree on that version in "
    "initialize."
)
NO_NUMBER = "{} at byte {} of the line is not a JSON number. Send a finite number, or null."
CONTROL = (
    "A string has an unescaped control character at byte 106 of the line. "
    r"Escape it, as in \n or \u0007."
)


def call(value: bytes) -> bytes:
    """Return the line of a tool call, `value` being the JSON of its content."""
    return HEAD + b'"arguments":{"content":' + value + b"}}}"


def refused(reason: str) -> Received:
    """Return the parsed form of a call whose arguments cannot be trusted."""
    params = {"name": "create-message", "arguments": {}}
    request = JSONRPCRequest(jsonrpc="2.0", id=7, method="tools/call", params=params)
    return Received(request, refused=reason)


def error(request_id: int | str | None, message: str, code: int = PARSE_ERROR) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=message))


@given(
    arguments=st.dictionaries(TEXT, VALUES, max_size=4),
    ascii_only=st.booleans(),
)
def test_arguments_arrive_as_they_were_sent(arguments: dict[str, object], ascii_only: bool) -> None:
    params = {"name": "create-message", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    line = json.dumps(message, ensure_ascii=ascii_only).encode()

    assert parse(line) == Received(
        JSONRPCRequest(jsonrpc="2.0", id=7, method="tools/call", params=params)
    )


@given(arguments=st.dictionaries(TEXT, VALUES, max_size=4))
def test_arguments_that_arrive_as_json_text_are_the_object_in_it(
    arguments: dict[str, object],
) -> None:
    # Some hosts serialize the arguments twice.
    params = {"name": "x", "arguments": json.dumps(arguments), "_meta": META}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}

    assert parse(json.dumps(message).encode()) == Received(
        JSONRPCRequest(
            jsonrpc="2.0", id=7, method="tools/call", params={**params, "arguments": arguments}
        ),
        altered=True,
    )


@pytest.mark.parametrize("text", [b'""', b'" "'])
def test_empty_text_is_no_arguments(text: bytes) -> None:
    found = parse(HEAD + b'"arguments":' + text + b"}}")

    assert found == replace(refused(""), altered=True)


@pytest.mark.parametrize("value", [b"[]", b"3", b"true", b'"x"', b'"[]"', rb'"{\"a\":1"', b'"{"'])
def test_a_call_whose_arguments_are_no_object_reaches_the_tool_with_the_reason(
    value: bytes,
) -> None:
    found = parse(HEAD + b'"arguments":' + value + b"}}")

    reason = "The arguments of a call must be one JSON object, such as {} if there are none."
    assert found == replace(refused(reason), altered=True)


MARK = b"\xef\xbb\xbf"


def test_a_byte_order_mark_before_a_message_is_ignored_and_counted() -> None:
    assert parse(MARK + HEAD + b'"arguments":{}}}') == refused("")
    assert parse(MARK + b"\r") is None
    assert parse(MARK + call(b'"\xff"')) == refused(
        "Byte 107 of the line, 0xff, is not UTF-8. Encode the text as UTF-8."
    )


@given(line=st.binary())
def test_any_bytes_can_be_parsed(line: bytes) -> None:
    found = parse(line)

    assert found is not None or line.strip(b" \t\r\n\x0b\x0c") == b""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'"a\xff"', "Byte 105 of the line, 0xff, is not UTF-8. Encode the text as UTF-8."),
        (
            b'"\xed\xa0\x80"',
            "Byte 104 of the line, 0xed, is not UTF-8. Encode the text as UTF-8.",
        ),
        (
            b'"\xc3\xa9\\\\\\ud83d\\ude00\\ud83d!"',
            LONE.format(r"\ud83d", 120),
        ),
        (
            b'"\\udc00\\ud800"',
            LONE.format(r"\udc00", 104),
        ),
        (
            b'"\xc3\xa9\x00"',
            CONTROL,
        ),
        (
            b'"NaN","x":1,"y":NaN',
            NO_NUMBER.format("NaN", 119),
        ),
        (
            b"-Infinity",
            NO_NUMBER.format("-Infinity", 103),
        ),
        (
            b"1e999",
            NO_NUMBER.format("1e999", 103),
        ),
        (
            b"9" * 5000,
            NO_NUMBER.format("9" * 40 + "…", 103),
        ),
        (
            b'"a","content":"b"',
            'The key "content" appears twice in one object. Send it once.',
        ),
        (
            b"[" * 120 + b"]" * 120,
            "The line is nested more than 100 levels deep. Send a message with fewer levels.",
        ),
    ],
)
def test_a_flawed_call_reaches_the_tool_without_its_arguments(content: bytes, reason: str) -> None:
    assert parse(call(content)) == refused(reason)


@pytest.mark.parametrize(
    "content",
    [
        rb'"\u0000"',
        rb'"\\ud800"',
        rb'"\ud83d\ude00"',
        b'"\xe2\x80\xa8\x7f\xf4\x8f\xbf\xbf"',
        b"1.0",
        b"-0.0",
        b"[" * 97 + b"]" * 97,
    ],
)
def test_unusual_but_valid_content_passes_unaltered(content: bytes) -> None:
    params = {"name": "create-message", "arguments": {"content": json.loads(content)}}

    assert parse(call(content)) == Received(
        JSONRPCRequest(jsonrpc="2.0", id=7, method="tools/call", params=params)
    )


def test_a_flawed_call_keeps_the_metadata_of_its_request() -> None:
    line = HEAD + b'"_meta":' + json.dumps(META).encode() + b',"arguments":{"limit":NaN}}}'
    found = parse(line)

    assert isinstance(found, Received)
    assert isinstance(found.message, JSONRPCRequest)
    assert found.message.params == {"name": "create-message", "arguments": {}, "_meta": META}


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"x"}}', None),
        (b'{"jsonrpc":"2.0","id":"\xff","method":"tools/call","params":{"name":"x"}}', None),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\xff"}}', 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{},"params":{}}', 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping"}', 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":NaN}}', 1),
        (b'{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"cursor":"\xff"}}', "a"),
        (b'\xff{"jsonrpc":"2.0","id":1,"method":"ping"}', None),
        (b"\xff\xfe{\x00", None),
        (b"NaN", None),
    ],
)
def test_a_flaw_beyond_the_arguments_is_a_parse_error_with_the_id_if_it_is_certain(
    line: bytes, request_id: int | str | None
) -> None:
    found = parse(line)

    assert isinstance(found, JSONRPCError)
    assert (found.id, found.error.code) == (request_id, PARSE_ERROR)


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{', 1),
        (b' { "jsonrpc" : "2.0" , "id" : "a b" , "method" : "x"', "a b"),
        (b'{"id":-4,"jsonrpc":"2.0","method":"x",', -4),
        (b'{"method":"x","id":1,"params":{', 1),
        (b'{"method":"x","jsonrpc":"2.0","id":1,', 1),
        (b'{"method":"x","params":{"a":"b"c"},"jsonrpc":"2.0","id":5}', 5),
        (b'{"method":"x","params":{"a":"b"c"},"id":5}', None),
        (b'{"method":"x","params":{"id":5}', None),
        (b'{"jsonrpc":"2.0","id":1,"result":{', None),
        (b'{"result":{},"x":y,"jsonrpc":"2.0","id":5}', None),
        (b'{"jsonrpc":"2.0","id":1', None),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"x",', None),
        (b'{"jsonrpc":"2.0","id":"\\u0061","method":"x",', None),
        (b'[{"jsonrpc":"2.0","id":1,"method":"x",', None),
        (b'the end of a message","jsonrpc":"2.0","id":5}', None),
        (b"Content-Length: 120\r", None),
    ],
)
def test_the_id_of_a_line_that_is_not_json_is_used_only_if_its_position_leaves_no_doubt(
    line: bytes, request_id: int | str | None
) -> None:
    found = parse(line)

    assert isinstance(found, JSONRPCError)
    assert (found.id, found.error.code) == (request_id, PARSE_ERROR)


def test_very_deep_nesting_is_answered() -> None:
    line = call(b"[" * 100_000 + b"]" * 100_000)

    assert parse(line) == error(
        7, "The line is nested more than 100 levels deep. Send a message with fewer levels."
    )


def test_a_syntax_error_names_the_byte_at_which_it_is() -> None:
    assert parse('{"é":1 "id":2}'.encode()) == error(
        None,
        "The line is not JSON: expecting ',' delimiter at byte 8. "
        "Send one complete JSON-RPC message per line.",
    )


@pytest.mark.parametrize(
    ("line", "message", "request_id"),
    [
        (b"[]", NO_BATCHES, None),
        (
            b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
            NO_BATCHES,
            None,
        ),
        (b'"ping"', "A message must be a JSON object.", None),
        (b"{}", 'jsonrpc must be "2.0".', None),
        (b'{"jsonrpc":"2.0"}', "A message must have a method.", None),
        (b'{"jsonrpc":"2.0","id":1}', "A message must have a method.", 1),
        (b'{"id":1,"method":"ping"}', 'jsonrpc must be "2.0".', 1),
        (b'{"jsonrpc":"1.0","id":"a","method":"ping"}', 'jsonrpc must be "2.0".', "a"),
        (b'{"jsonrpc":"2.0","id":1,"method":1}', "method must be a string.", 1),
        (b'{"jsonrpc":"2.0","method":1}', "method must be a string.", None),
        (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', "params must be an object.", 1),
        *(
            (
                b'{"jsonrpc":"2.0","id":' + value + b',"method":"ping"}',
                "id must be a string or an integer.",
                None,
            )
            for value in (b"null", b"true", b"1.5", b"1.0", b"[1]", b"{}")
        ),
    ],
)
def test_json_that_is_not_a_request_is_an_invalid_request(
    line: bytes, message: str, request_id: int | str | None
) -> None:
    assert parse(line) == error(request_id, message, INVALID_REQUEST)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"method":"notifications/cancelled"}', "a malformed notification"),
        (b'{"jsonrpc":"2.0","method":"x","params":[1]}', "a malformed notification"),
        (b'{"jsonrpc":"2.0","method":"x","params":{"a":NaN}}', "a notification with invalid JSON"),
        (b'{"jsonrpc":"2.0","id":1,"result":{"a":"\xff"}}', "a reply with invalid JSON"),
        (b'{"jsonrpc":"2.0","id":1,"result":7}', "a malformed reply"),
        (b'{"id":1,"result":{}}', "a malformed reply"),
    ],
)
def test_flawed_messages_that_need_no_reply_are_dropped(line: bytes, reason: str) -> None:
    assert parse(line) == Dropped(reason)


def test_notifications_and_replies_are_handed_on() -> None:
    assert parse(b'{"jsonrpc":"2.0","method":"x","params":{"a":1}}') == Received(
        JSONRPCNotification(jsonrpc="2.0", method="x", params={"a": 1})
    )
    assert parse(b'{"jsonrpc":"2.0","id":1,"result":{}}') == Received(
        JSONRPCResponse(jsonrpc="2.0", id=1, result={})
    )


@pytest.mark.parametrize("line", [b"", b"\r", b" \t "])
def test_blank_lines_are_ignored(line: bytes) -> None:
    assert parse(line) is None


def test_input_that_ends_within_a_message_is_answered_with_its_id() -> None:
    line = b'{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":1,"id":5}'

    assert parse(line, whole=False) == error(
        7, "The input ended after 60 bytes of a message. Send a complete message."
    )
    assert parse(line[1:], whole=False) == error(
        None, "The input ended after 59 bytes of a message. Send a complete message."
    )


def test_a_last_line_without_a_newline_counts_if_it_is_a_whole_message() -> None:
    assert parse(b'{"jsonrpc":"2.0","id":1,"method":"ping"}', whole=False) == Received(
        JSONRPCRequest(jsonrpc="2.0", id=1, method="ping", params=None)
    )


@pytest.mark.parametrize(
    ("start", "end", "whole", "request_id"),
    [
        (HEAD, b'"}}}', True, 7),
        (HEAD, b'","id":9}', True, 7),
        (b'{"method":"tools/call","params":{"', b'"},"jsonrpc":"2.0","id":"x"}', True, "x"),
        (b'{"method":"tools/call","params":{"', b'"},"id":9}\r', True, 9),
        (b'{"method":"tools/call","params":{"', b'"},"id":9}', False, None),
        (b'{"params":{"', b'"},"id":9}', True, None),
        (b'["', b'"}', True, None),
    ],
)
def test_a_line_that_is_too_long_is_answered_with_its_id_if_its_position_leaves_no_doubt(
    start: bytes, end: bytes, whole: bool, request_id: int | str | None
) -> None:
    assert parse(Overlong(start, end, 5_000_000), whole=whole) == error(
        request_id,
        "The line has 5000000 bytes; a message may have at most 4194304. Send a smaller message.",
        INVALID_REQUEST,
    )
