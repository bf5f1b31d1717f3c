"""Whatever bytes an upstream answers with, a call ends in a bounded result or a known error."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Final, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool
from tests.inventory import least_calls
from tests.simulation.canned import FUZZED, REPLIES, Canned, hold

Value: TypeAlias = object

ARGUMENTS: Final[dict[str, JSON]] = {
    **{tool.name: next(least_calls(tool.input_schema)) for tool in TOOLS},
    "list-messages": {"thread_id": "thread_1", "limit": 30},
    "get-chat-messages": {"completion_id": "chatcmpl_1", "order": "desc"},
    "list-message-files": {"thread_id": "conv_1", "message_id": "msg_1"},
    "list-threads": {"before": "thread_9"},
    "list-chat-completions": {"metadata": {"topic": "refunds"}},
}
_TOOLS: Final = st.sampled_from(TOOLS)
_STATUSES: Final = st.sampled_from((200, 200, 200, 201, 204, 302, 400, 404, 409, 429, 500, 503))
_JSON: Final[st.SearchStrategy[Value]] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=30)
    | st.sampled_from(("msg_1", "none", "", "9" * 5_000, "AB ", "[" * 200, -1, 2**63, 1e308)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
_PACKINGS: Final[tuple[tuple[bytes, Callable[[bytes], bytes]], ...]] = (
    (b"gzip", gzip.compress),
    (b"deflate", zlib.compress),
    (b"gzip", bytes),
    (b"br", bytes),
    (b"gzip, gzip", gzip.compress),
)
_WORDS: Final = st.sampled_from((b"0", b"1", b"-1", b"9" * 40, b"1e9", b"nan", b"soon", b"12ms"))
_HEADERS: Final = st.lists(
    st.tuples(
        st.sampled_from((b"Retry-After", b"retry-after-ms", b"Content-Type", b"Content-Length")),
        _WORDS | st.binary(max_size=20).map(lambda raw: raw.translate(None, b"\r\n\0")),
    ),
    max_size=3,
).map(tuple)


@st.composite
def replaced(draw: st.DrawFn) -> Value:
    """Return a valid reply in which one value, wherever it stands, is another, or gone."""
    value: Value = json.loads(json.dumps(draw(st.sampled_from(REPLIES))))
    root: Value = value
    while isinstance(value, dict | list) and value:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        inner = value[key]
        if isinstance(inner, dict | list) and inner and draw(st.booleans()):
            value = inner
            continue
        if draw(st.integers(0, 4)):
            value[key] = draw(_JSON)
        else:
            del value[key]
        break
    return root


@st.composite
def flipped(draw: st.DrawFn) -> bytes:
    """Return the bytes of a valid reply, some of which are others, or gone."""
    body = bytearray(json.dumps(draw(st.sampled_from(REPLIES))).encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body) - 1))
        body[at : at + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(body)


@FUZZED
@given(_TOOLS, st.lists(st.tuples(_STATUSES, _HEADERS, st.binary()), min_size=1, max_size=3))
def test_random_bytes_end_in_a_known_error(
    tool: Tool, replies: list[tuple[int, tuple[tuple[bytes, bytes], ...], bytes]]
) -> None:
    hold(tool, ARGUMENTS[tool.name], *(Canned(*reply) for reply in replies))


@FUZZED
@given(_TOOLS, st.lists(st.tuples(_STATUSES, replaced()), min_size=1, max_size=3))
def test_replies_with_a_wrong_value_end_in_a_bounded_result_or_a_known_error(
    tool: Tool, replies: list[tuple[int, Value]]
) -> None:
    canned = (Canned(status, (), json.dumps(value).encode()) for status, value in replies)
    hold(tool, ARGUMENTS[tool.name], *canned)


@FUZZED
@given(_TOOLS, _STATUSES, _HEADERS, flipped(), st.none() | st.sampled_from(_PACKINGS))
def test_damaged_replies_end_in_a_bounded_result_or_a_known_error(
    tool: Tool,
    status: int,
    headers: tuple[tuple[bytes, bytes], ...],
    body: bytes,
    packing: tuple[bytes, Callable[[bytes], bytes]] | None,
) -> None:
    if packing is not None:
        headers, body = (*headers, (b"Content-Encoding", packing[0])), packing[1](body)
    hold(tool, ARGUMENTS[tool.name], Canned(status, headers, body))


@pytest.mark.parametrize("kind", [[], {}, None, 1])
def test_a_part_of_a_strange_type_is_kept_as_it_came(kind: object) -> None:
    body = json.dumps({"id": "msg_1", "content": [{"type": kind, "text": "hello"}]}).encode()
    tool = next(tool for tool in TOOLS if tool.name == "get-message")
    hold(tool, ARGUMENTS[tool.name], Canned(body=body))
