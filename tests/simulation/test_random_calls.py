"""Whatever arguments an agent sends, a call ends in a bounded result or a known error."""

from typing import TYPE_CHECKING, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.pages.cursor import Inside, ListPosition, encode
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Tool
from backscroll_tools.tools.get_message import GET_MESSAGE
from backscroll_tools.tools.list_chat_completions import LIST_CHAT_COMPLETIONS
from backscroll_tools.tools.list_threads import LIST_THREADS
from tests.simulation.canned import FUZZED, Canned, hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backscroll_tools.models import JSON

_TEXT: Final = st.text(st.characters(exclude_categories=()), max_size=40)
_VALUES: Final[st.SearchStrategy[object]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_PARTS: Final = (
    {"type": "text", "text": "hello"},
    {"type": "text"},
    {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": 3}},
    {"type": "image_file", "image_file": {"file_id": None}},
)
_LIKELY: Final[dict[str, st.SearchStrategy[object]]] = {
    "thread_id": st.sampled_from(("thread_1", "conv_1", "../x", "", "a" * 257, "a\n")),
    "message_id": st.sampled_from(("msg_1", "msg_2", "%2e", "msg_1 ")),
    "completion_id": st.sampled_from(("chatcmpl_1", ".", "x/y")),
    "limit": st.sampled_from((1, 20, 20.0, 500, 0, 501, -1, 2**70, 1e300, True, "20")),
    "order": st.sampled_from(("asc", "desc", "ASC")),
    "preview_chars": st.sampled_from((1, 2_000, 0, 1.0)),
    "role": st.sampled_from(("user", "assistant", "system")),
    "content": st.just("hello") | _TEXT,
    "parts": st.lists(st.sampled_from(_PARTS), max_size=3),
    "metadata": st.dictionaries(_TEXT, _TEXT, max_size=20)
    | st.lists(st.fixed_dictionaries({"key": _TEXT, "value": _TEXT}), max_size=20),
    "idempotency_key": _TEXT | st.sampled_from(("k", "k~msg_1", "~", "a~" * 120, "k~AAAA~0")),
}
_SHORT: Final = st.text("abz09_.=-~", max_size=12)


@st.composite
def cursors(draw: st.DrawFn, tool: Tool) -> str:
    """Return a cursor, of this tool and this thread or of others, damaged or not."""
    inside = draw(st.none() | st.builds(Inside, st.integers(0, 10**9), with_fields=st.booleans()))
    cursor = encode(
        ListPosition(
            tool=draw(st.just(tool.name) | st.sampled_from([tool.name for tool in TOOLS])),
            owner=draw(st.sampled_from(("", "thread_1", "thread_1/msg_1", "chatcmpl_1"))),
            order=draw(st.sampled_from(("asc", "desc"))),
            backward=draw(st.booleans()),
            position=draw(st.sampled_from(("", "msg_1", "msg_2", "gone"))),
            inside=inside,
            preview=draw(st.integers(0, 10_000)),
            filters=tuple(draw(st.lists(st.tuples(_SHORT, _SHORT), max_size=2))),
        )
    )
    if draw(st.integers(0, 3)):
        return cursor
    at = draw(st.integers(0, len(cursor) - 1))
    return cursor[:at] + draw(_SHORT) + cursor[at + 1 :]


@st.composite
def calls(draw: st.DrawFn) -> tuple[Tool, dict[str, object]]:
    """Return a tool, and arguments that its schema names, mostly of the right kind."""
    tool = draw(st.sampled_from(TOOLS))
    properties = cast("Mapping[str, JSON]", tool.input_schema["properties"])
    required = cast("list[str]", tool.input_schema.get("required", []))
    arguments: dict[str, object] = {}
    for name in properties:
        if draw(st.integers(0, 9)) < (9 if name in required else 4):
            likely = cursors(tool) if name == "cursor" else _LIKELY.get(name, _SHORT)
            arguments[name] = draw(likely if draw(st.integers(0, 5)) else _VALUES)
    if not draw(st.integers(0, 9)):
        arguments[draw(_TEXT)] = draw(_VALUES)
    return tool, arguments


@FUZZED
@given(calls())
def test_random_arguments_end_in_a_bounded_result_or_a_known_error(
    call: tuple[Tool, dict[str, object]],
) -> None:
    hold(*call, Canned())


@pytest.mark.parametrize("tool", [LIST_THREADS, LIST_CHAT_COMPLETIONS])
def test_the_rest_of_an_item_is_read_from_a_reply_that_names_no_id(tool: Tool) -> None:
    place = ListPosition(tool.name, "", "asc", position="msg_1", inside=Inside(1))
    hold(tool, {"cursor": encode(place)}, Canned(body=b'{"object": "list"}'))


def test_a_message_that_has_become_shorter_leaves_an_empty_page() -> None:
    place = ListPosition(
        "get-message", "thread_1/msg_1", "asc", position="msg_1", inside=Inside(900)
    )
    arguments = {"thread_id": "thread_1", "message_id": "msg_1", "cursor": encode(place)}
    hold(GET_MESSAGE, arguments, Canned(body=b'{"id": "msg_1", "content": "short"}'))
