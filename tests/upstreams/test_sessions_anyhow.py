"""Lists of sessions hold while they change, and whatever kinds of items they have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import (
    ANTHROPIC,
    CHATKIT_THREADS,
    FOUNDRY,
    MISTRAL,
    OPENAI,
    Profile,
    Upstream,
)
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call
from tests.upstreams.peculiar import Answer, Answering, Asked, Exchange, answer
from tests.upstreams.sessions import SESSION, agent_sessions, foundry
from tests.upstreams.test_anything import OBJECTS, VALUES

PLACES = {
    "openai": (OPENAI, "sess_1"),
    "chatkit": (CHATKIT_THREADS, "cthr_1"),
    "anthropic": (ANTHROPIC, "sesn_1"),
    "mistral": (MISTRAL, "conv_1"),
}
KINDS = (
    "message",
    "function_call",
    "command_execution",
    "wait_for_subagents_call",
    "chatkit.user_message",
    "chatkit.client_tool_call",
    "chatkit.task_group",
    "user.message",
    "agent.mcp_tool_use",
    "agent.tool_result",
    "message.output",
    "tool.execution",
    "function.result",
    "session.status_idle",
    "hologram",
    None,
    7,
)
FIELDS = (
    "arguments",
    "content",
    "input",
    "output",
    "name",
    "call_id",
    "tool_use_id",
    "tool_call_id",
    "result",
    "info",
    "processed_at",
    "status",
    "tasks",
    "widget",
    "error",
)
TIMES = st.sampled_from(["2026-11-28T09:00:00Z", "0001-01-01", "soon", "9999-12-31T23:59:59+00:00"])
ITEMS = st.dictionaries(st.sampled_from(FIELDS), VALUES | TIMES, max_size=5) | OBJECTS


@asynccontextmanager
async def client_of(answering: Answering, profile: Profile) -> AsyncIterator[Client]:
    """Open a client of an upstream in this process."""

    async def reply(request: Request) -> Response:
        path, query = request.url.path.removeprefix("/v1"), request.query_params.multi_items()
        headers, body = dict(request.headers), await request.body()
        asked = Asked(request.method, path, tuple(query), headers, body)
        said = await answering(Exchange(asked, (), http))
        return Response(said.body, said.status, dict(said.headers))

    app = Starlette(routes=[Route("/{path:path}", reply, methods=["GET", "POST"])])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
        yield Client(http, Upstream(profile, "http://a.example/v1"))


async def call(client: Client, name: str, **arguments: object) -> JSON:
    """Call a tool."""
    tool = next(tool for tool in TOOLS if tool.name == name)
    return (await tool.run(Call.begin(client, Bounds()), validated(tool, arguments))).structured


@pytest.mark.parametrize("place", PLACES)
@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.sampled_from(KINDS), ITEMS), max_size=5), status=VALUES)
async def test_any_kinds_and_fields_of_items_are_a_page(
    place: str, rows: list[tuple[object, JSON]], status: object
) -> None:
    profile, thread_id = PLACES[place]
    items = [
        {"status": status, **fields, "type": kind, "id": f"item_{number}"}
        for number, (kind, fields) in enumerate(rows)
    ]

    async def answering(exchange: Exchange) -> Answer:
        if place == "mistral":
            is_list = exchange.asked.path == "/conversations"
            return answer(items if is_list else {"entries": items})
        return answer({"object": "list", "data": items, "has_more": False, "next_page": None})

    async with client_of(answering, profile) as client:
        page = await call(client, "list-messages", thread_id=thread_id, items=True)
        threads = await call(client, "list-threads")

    assert len(page["messages"]) <= len(items)
    assert page["page"]["stopped_by"] in {"end", "size"}
    assert len(threads["threads"]) == len(items)


@settings(max_examples=25, deadline=None)
@given(
    times=st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=2, max_size=2),
    limit=st.integers(1, 7),
    order=st.sampled_from(["asc", "desc"]),
    data=st.data(),
)
async def test_merged_lists_show_what_stays_once_in_order_while_they_change(
    times: list[list[int]], limit: int, order: str, data: st.DataObject
) -> None:
    kinds = (("thread", "threads"), ("conv", "conversations"))
    lists: dict[str, list[JSON]] = {
        name: [
            {"id": f"{kind}_{number}", "object": name, "created_at": 100 + at}
            for number, at in enumerate(sorted(each))
        ]
        for (kind, name), each in zip(kinds, times, strict=True)
    }
    initial = {row["id"] for rows in lists.values() for row in rows}
    shown: list[tuple[int, str]] = []
    changes = 20

    def change(number: int, last: dict[str, str]) -> None:
        """Add an object and delete one, but none of those that the position names."""
        at = data.draw(st.sampled_from([0, 1]))
        kind, name = kinds[at]
        added = {"id": f"{kind}_new{number}", "object": name, "created_at": 200 + number}
        lists[name].append(added)
        gone = data.draw(st.sampled_from(["", *sorted(initial)]))
        if gone not in last.values():
            initial.discard(gone)
            for rows in lists.values():
                rows[:] = [row for row in rows if row["id"] != gone]

    async with client_of(foundry(lists), FOUNDRY) as client:
        page = await call(client, "list-threads", limit=limit, order=order)
        while True:
            shown += [(thread["created_at"], thread["id"]) for thread in page["threads"]]
            cursor = page["page"]["next_cursor"]
            if cursor is None:
                break
            changes -= 1
            if changes > 0:
                change(len(shown), {each.partition("_")[0]: each for _, each in shown})
            page = await call(client, "list-threads", limit=limit, cursor=cursor)

    ids = [each for _, each in shown]
    assert len(ids) == len(set(ids))
    assert initial <= set(ids)
    found = [time for time, each in shown if each in initial]
    assert found == sorted(found, reverse=order == "desc")


async def test_a_message_that_a_session_lists_late_is_found_and_not_sent_again() -> None:
    say = {"thread_id": SESSION, "role": "user", "content": "hello"}
    async with client_of(agent_sessions(late=1), OPENAI) as client:
        first = await call(client, "create-message", **say)
        again = await call(
            client, "create-message", idempotency_key=first["idempotency_key"], **say
        )
        page = await call(client, "list-messages", thread_id=SESSION, limit=2)

    assert first["message"]["id"] == again["message"]["id"] == "msg_new1"
    assert [message["text"] for message in page["messages"]] == ["hello", "text 129"]
