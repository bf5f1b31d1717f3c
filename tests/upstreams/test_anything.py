"""Any JSON object as a reply or an item: an answer, or an error of the contract."""

import json
import math
from dataclasses import replace
from typing import get_args

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import GROUPS, MISTRAL_CONVERSATIONS
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.errors import ErrorCode, ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.render import compact
from backscroll_tools.tool import Bounds, Call, Result, Tool
from backscroll_tools.toolset import RUNS
from tests.faults.figures import sized
from tests.inventory import least_calls

SERVES_ALL = replace(
    COMPATIBLE,
    # The lists of this group are arrays, and the lists of the others are objects.
    serves=frozenset(GROUPS.values()) - {MISTRAL_CONVERSATIONS},
    looks_s=(0.0,),
)
NAMES = [
    "id",
    "object",
    "type",
    "role",
    "content",
    "text",
    "value",
    "data",
    "has_more",
    "first_id",
    "last_id",
    "created_at",
    "created",
    "status",
    "metadata",
    "attachments",
    "annotations",
    "file_ids",
    "file_id",
    "run_id",
    "choices",
    "output",
    "input",
    "arguments",
    "action",
    "operation",
    "outputs",
    "call_id",
    "conversation",
    "message",
    "tool_calls",
    "content_parts",
    "model",
    "message_count",
    "last_message_at",
    "error",
    "detail",
    "msg",
    "loc",
]
WORDS = ("list", "message", "text", "input_text", "output_text", "user", "completed", "file_1")
KINDS = ("x", "reasoning", "function_call", "function_call_output", "shell_call", "mcp_call")

TEXTS = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
KEYS = st.sampled_from(NAMES) | TEXTS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=8)
NUMBERS = st.sampled_from(["1e400", "-1e400", "1" * 300, "1e-400", "0.1"])

MORE: dict[str, list[JSON]] = {
    "list-messages": [
        {"thread_id": "conv_1", "before": "msg_1"},
        {"thread_id": "thread_1", "around": "item_1"},
        {"thread_id": "conv_1", "items": True},
    ],
    "get-chat-messages": [
        {"completion_id": "c", "order": "desc"},
        {"completion_id": "c", "around": "item_1"},
        {"completion_id": "resp_1", "items": True, "order": "desc"},
        {"completion_id": "resp_1", "items": True, "around": "item_1"},
    ],
    "get-message": [{"thread_id": "resp_1", "message_id": "item_1"}],
    "list-message-files": [{"thread_id": "resp_1", "message_id": "item_1"}],
    "create-message": [
        {"thread_id": "thread_1", "role": "user", "content": "hi"},
        {"thread_id": "conv_1", "role": "user", "content": "hi"},
    ],
}
"""Calls with more than what is required, by the names of their tools."""

CALLS = [
    (tool, arguments)
    for tool in TOOLS
    for arguments in (*least_calls(tool.input_schema), *MORE.get(tool.name, ()))
    # A conversation has no runs, and its messages have no metadata, so such calls are refused
    # before anything is sent.
    if arguments.get("thread_id") != "conv_1"
    or not (tool.toolset is RUNS or tool.name == "modify-message")
]


async def called(
    body: str, tool: Tool, arguments: JSON, status: int = 200, *, refusal: int = 0
) -> tuple[Result | ToolError, int]:
    """Call a tool of an upstream that answers everything alike; return what comes of it.

    Args:
        body: the body of every reply.
        tool: the tool.
        arguments: the arguments of the call.
        status: the status of every reply.
        refusal: the status of the replies to writes, if it is another one.
    """
    asked = 0

    async def reply(request: Request) -> Response:
        nonlocal asked
        asked += 1
        if refusal and request.method != "GET":
            return Response('{"error": {"message": "No."}}', refusal)
        return Response(body, status, media_type="application/json")

    app = Starlette(routes=[Route("/{path:path}", reply, methods=["GET", "POST", "DELETE"])])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        client = Client(http, Upstream(SERVES_ALL, "http://a.example/v1"), chance=lambda: 0.0)
        client.budget.left = client.budget.earned = 0
        try:
            result = await tool.run(Call.begin(client, Bounds()), validated(tool, arguments))
        except ToolError as error:
            return error, asked
    return result, asked


def hold(outcome: Result | ToolError, asked: int) -> None:
    """Hold an outcome to the contract: JSON within the bounds, or an error with a known code."""
    assert asked <= Bounds().requests
    if isinstance(outcome, ToolError):
        assert outcome.code in get_args(ErrorCode)
        assert outcome.code != "internal"
        return
    said = compact(outcome.structured)
    assert json.loads(said, parse_constant=_no_json) == outcome.structured
    assert len(outcome.text) + len(said) <= Bounds().result_chars
    outcome.text.encode()


def _no_json(name: str) -> object:
    raise AssertionError(name)


@given(OBJECTS, st.sampled_from(CALLS))
async def test_any_object_is_an_answer_or_an_error_of_the_contract(
    reply: JSON, call: tuple[Tool, JSON]
) -> None:
    hold(*await called(json.dumps(reply), *call))


@given(st.lists(OBJECTS, max_size=6), VALUES, st.sampled_from(CALLS))
async def test_any_objects_as_items_are_a_page(
    items: list[JSON], has_more: object, call: tuple[Tool, JSON]
) -> None:
    rows = [
        {"id": f"item_{number}", "type": KINDS[number % len(KINDS)], **item}
        for number, item in enumerate(items)
    ]
    envelope = {"object": "list", "data": rows, "has_more": has_more}
    outcome, asked = await called(json.dumps(envelope), *call)
    hold(outcome, asked)
    if call[0].name.startswith("list-") and "message_id" not in call[1]:
        assert isinstance(outcome, Result) or call[1].keys() & {"before", "around"}


@given(OBJECTS, st.sampled_from(CALLS), st.sampled_from([400, 401, 404, 409, 422, 429, 500, 503]))
async def test_any_object_as_an_error_is_an_error_of_the_contract(
    body: JSON, call: tuple[Tool, JSON], status: int
) -> None:
    outcome, asked = await called(json.dumps(body), *call, status)
    hold(outcome, asked)
    assert isinstance(outcome, ToolError)
    # A message that cannot be retrieved is searched for in the list, and what reads all threads
    # asks for each list of them.
    assert 1 <= asked <= (7 if call[0].name in {"list-threads", "search-messages"} else 3)


@settings(max_examples=sized(quick=8, long=500), deadline=None)
@given(OBJECTS, VALUES | st.just([]), st.sampled_from([400, 404, 409, 502]))
async def test_any_object_is_read_after_a_write_that_was_refused_or_whose_reply_was_lost(
    body: JSON, state: object, refusal: int
) -> None:
    shown = json.dumps({**body, "status": state, "metadata": state})
    for call in CALLS:
        if call[0].writes:
            outcome, asked = await called(shown, *call, refusal=refusal)
            hold(outcome, asked)
            assert isinstance(outcome, ToolError) or refusal != 404


@given(KEYS, NUMBERS, st.sampled_from(CALLS))
async def test_any_number_that_a_double_holds_is_an_answer(
    name: str, number: str, call: tuple[Tool, JSON]
) -> None:
    item = f'{{"id": "item_1", "role": "user", {json.dumps(f"x_{name}")}: {number}, '
    item += f'"created_at": {number}, "metadata": {{"n": [{number}]}}}}'
    envelope = f'{{"id": "item_1", "n": {number}, "data": [{item}], "has_more": false}}'
    outcome, asked = await called(envelope, *call)
    hold(outcome, asked)
    is_deletion = call[0].name.startswith("delete-")  # which only another reply would confirm
    assert is_deletion or isinstance(outcome, Result) or not math.isfinite(float(number))
