"""Upstreams with sessions, ChatKit threads and listed conversations, as their documents show them.

Each has a list of 230 objects that contain messages, and one of them has items of all kinds.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Answering, Asked, Behaviour, Exchange, answer, refusal

COUNT: Final = 230
NO_ROUTE: Final = answer({"error": {"message": "Invalid URL"}}, 404)
EVENT: Final = "agent.session.input.message"


def paged(asked: Asked, rows: Sequence[JSON], default: str = "desc", most: int = 100) -> Answer:
    """Return a page after an id, as OpenAI documents it."""
    limit = int(asked["limit"] or 20)
    if not 1 <= limit <= most:
        return refusal(400, f"limit must be between 1 and {most}.")
    order = asked["order"] or default
    found = list(rows) if order == "asc" else list(rows)[::-1]
    ids = [row["id"] for row in found]
    if asked["after"] and asked["after"] not in ids:
        return refusal(404, f"No object with id '{asked['after']}'.")
    start = ids.index(asked["after"]) + 1 if asked["after"] else 0
    page = found[start : start + limit]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
    more = start + limit < len(found)
    return answer({"object": "list", "data": page, "has_more": more, **ends})


def cursored(asked: Asked, rows: Sequence[JSON], default: str) -> Answer:
    """Return a page at an opaque cursor, as Anthropic documents it."""
    limit = int(asked["limit"] or 20)
    found = list(rows) if (asked["order"] or default) == "asc" else list(rows)[::-1]
    ids = [row["id"] for row in found]
    last = asked["page"].removeprefix("page_")
    start = ids.index(last) + 1 if last in ids else 0
    page = found[start : start + limit]
    more = start + limit < len(found)
    return answer({"data": page, "next_page": f"page_{page[-1]['id']}" if more else None})


def _said(role: str, number: int) -> JSON:
    kind = "output_text" if role == "assistant" else "input_text"
    return {
        "type": "message",
        "id": f"msg_{number}",
        "role": role,
        "status": "completed",
        "turn_id": "turn_1",
        "content": [{"type": kind, "text": f"text {number}"}],
    }


SESSION: Final = "sess_229"
SESSION_ITEMS: Final[tuple[JSON, ...]] = (
    _said("user", 0),
    {"type": "reasoning", "id": "rs_1", "summary": [], "turn_id": "turn_1"},
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "weather",
        "arguments": {"city": "Oslo"},
        "status": "completed",
        "turn_id": "turn_1",
    },
    {
        "type": "function_call_output",
        "id": "fco_1",
        "call_id": "call_1",
        "output": "-3 °C",
        "status": "completed",
        "turn_id": "turn_1",
    },
    {
        "type": "command_execution",
        "id": "cmd_1",
        "command": "ls",
        "cwd": "/work",
        "exit_code": 0,
        "output": "notes.md",
        "status": "completed",
        "turn_id": "turn_1",
    },
    {
        "type": "create_subagent_call",
        "id": "sub_1",
        "agent_id": "agent_2",
        "content": [{"type": "output_text", "text": "Read the notes."}],
        "status": "completed",
        "turn_id": "turn_1",
    },
    {"type": "hologram", "id": "holo_1", "turn_id": "turn_1"},
    *(_said("assistant" if number % 2 else "user", number) for number in range(1, 130)),
)


def _session(number: int) -> JSON:
    return {
        "id": f"sess_{number}",
        "object": "agent.session",
        "agent": {"id": "agent_1", "model": "m", "name": None},
        "created_at": 1_700_000_000 + number // 2,
        "last_active_at": 1_700_000_500 + number,
        "metadata": {"title": f"title {number}"},
        "status": "idle",
        "required_actions": [],
        "vault_ids": [],
    }


def agent_sessions(*, loses: int = 0, late: int = 0) -> Answering:  # noqa: C901 - a branch for each endpoint
    """Serve agent sessions, which messages can be sent to.

    Args:
        loses: how many replies to writes are lost after the upstream has acted.
        late: how many lists of items after a write lack its message.
    """
    rows = [_session(number) for number in range(COUNT)]
    items = list(SESSION_ITEMS)
    known: dict[str, bytes] = {}
    hidden: list[JSON] = []
    left = {"loses": loses, "late": late}

    def one(asked: Asked, row: JSON) -> Answer:
        if asked.method == "DELETE":
            rows.remove(row)
            return answer({"id": row["id"], "object": "agent.session.deleted", "deleted": True})
        row.update(json.loads(asked.body or b"{}"))
        return answer(row)

    def write(asked: Asked) -> Answer:
        key = asked.headers["idempotency-key"]
        try:
            events = json.loads(asked.body)["events"]
        except ValueError:  # the network has changed it
            return refusal(400, "The body is not JSON.")
        if key not in known:
            known[key] = asked.body
            for event in events:
                assert event["type"] == EVENT
                named = {"id": f"msg_new{len(known)}", "turn_id": "turn_2", "status": "completed"}
                hidden.extend({**message, **named} for message in event["input"])
        elif known[key] != asked.body:
            return refusal(409, "Idempotency-Key was used with another body.")
        if left["loses"]:
            left["loses"] -= 1
            return answer("", 500)
        return Answer(202, b"")

    async def answering(exchange: Exchange) -> Answer:
        asked = exchange.asked
        if asked.headers.get("openai-beta") != "agents=v1":
            return refusal(400, "The header OpenAI-Beta is missing.", "invalid_beta")
        match (asked.method, *asked.path.strip("/").split("/")):
            case ("GET", "agents", "sessions"):
                return paged(asked, rows)
            case (_, "agents", "sessions", session, *_) if not any(
                row["id"] == session for row in rows
            ):
                return refusal(404, f"No session found with id '{session}'.")
            case (_, "agents", "sessions", session):
                return one(asked, next(row for row in rows if row["id"] == session))
            case ("GET", "agents", "sessions", session, "items"):
                if left["late"] and hidden:
                    left["late"] -= 1
                else:
                    items.extend(hidden)
                    hidden.clear()
                return paged(asked, items if session == SESSION else [])
            case ("POST", "agents", "sessions", _, "events"):
                return write(asked)
            case _:
                return NO_ROUTE

    return answering


CHATKIT_THREAD: Final = "cthr_229"


def _chatkit(number: int, kind: str, **fields: object) -> JSON:
    return {
        "id": f"cthi_{number}",
        "object": "chatkit.thread_item",
        "thread_id": CHATKIT_THREAD,
        "created_at": 1_700_000_000 + number,
        "type": f"chatkit.{kind}",
        **fields,
    }


CHATKIT_ITEMS: Final[tuple[JSON, ...]] = (
    _chatkit(
        0,
        "user_message",
        content=[
            {"type": "quoted_text", "text": "an old answer"},
            {"type": "input_text", "text": "text 0"},
        ],
        attachments=[],
        inference_options=None,
    ),
    _chatkit(
        1,
        "client_tool_call",
        name="open",
        arguments='{"tab": 2}',
        call_id="call_1",
        output="opened",
        status="completed",
    ),
    _chatkit(2, "widget", widget='{"type": "Card"}'),
    _chatkit(3, "task", heading="Look it up", summary="in the notes", task_type="custom"),
    _chatkit(4, "task_group", tasks=[{"type": "thought", "heading": "Think", "summary": "of it"}]),
    _chatkit(5, "hologram"),
    *(
        _chatkit(
            number,
            "assistant_message",
            content=[{"type": "output_text", "text": f"text {number}", "annotations": []}],
        )
        for number in range(6, 136)
    ),
)


async def _chatkit_threads(exchange: Exchange) -> Answer:
    asked = exchange.asked
    if asked.headers.get("openai-beta") != "chatkit_beta=v1":
        return refusal(400, "The header OpenAI-Beta is missing.", "invalid_beta")
    rows = [
        {
            "id": f"cthr_{number}",
            "object": "chatkit.thread",
            "created_at": 1_700_000_000 + number // 2,
            "title": f"title {number}",
            "user": "u",
            "status": {"type": "active"},
        }
        for number in range(COUNT)
    ]
    match (asked.method, *asked.path.strip("/").split("/")):
        case ("GET", "chatkit", "threads"):
            return paged(asked, rows)
        case ("GET", "chatkit", "threads", thread) if any(row["id"] == thread for row in rows):
            return answer(next(row for row in rows if row["id"] == thread))
        case ("GET", "chatkit", "threads", thread, "items"):
            return paged(asked, CHATKIT_ITEMS if thread == CHATKIT_THREAD else [])
        case _:
            return refusal(404, "No thread found with this id.")


MANAGED_SESSION: Final = "sesn_229"


def _event(number: int, kind: str, **fields: object) -> JSON:
    at = f"2026-11-28T09:{number // 60:02}:{number % 60:02}Z"
    return {"id": f"sevt_{number}", "type": kind, "processed_at": at, **fields}


EVENTS: Final[tuple[JSON, ...]] = (
    _event(0, "user.message", content=[{"type": "text", "text": "text 0"}]),
    _event(1, "session.status_running"),
    _event(2, "agent.thinking"),
    _event(3, "agent.tool_use", name="bash", input={"command": "ls"}),
    _event(
        4,
        "agent.tool_result",
        tool_use_id="sevt_3",
        content=[{"type": "text", "text": "notes.md"}],
        is_error=False,
    ),
    _event(5, "agent.hologram", value=[None, {"x": 1}]),
    *(
        _event(number, "agent.message", content=[{"type": "text", "text": f"text {number}"}])
        for number in range(6, 136)
    ),
)


async def _managed_sessions(exchange: Exchange) -> Answer:
    asked = exchange.asked
    versions = (asked.headers.get("anthropic-version"), asked.headers.get("anthropic-beta"))
    if versions != ("2023-06-01", "managed-agents-2026-04-01"):
        return answer({"type": "error", "error": {"message": "a header is missing"}}, 400)
    rows = [
        {
            "id": f"sesn_{number}",
            "type": "session",
            "agent": {"id": "agent_1"},
            "created_at": f"2026-11-28T08:{number // 60:02}:{number % 60:02}Z",
            "updated_at": "2026-11-28T09:30:00Z",
            "title": f"title {number}",
            "metadata": {},
            "status": "idle",
        }
        for number in range(COUNT)
    ]
    match (asked.method, *asked.path.strip("/").split("/")):
        case ("GET", "sessions"):
            return cursored(asked, rows, "desc")
        case ("GET", "sessions", session) if any(row["id"] == session for row in rows):
            return answer(next(row for row in rows if row["id"] == session))
        case ("GET", "sessions", session, "events"):
            return cursored(asked, EVENTS if session == MANAGED_SESSION else [], "asc")
        case _:
            error = {"type": "not_found_error", "message": "Session not found."}
            return answer({"type": "error", "error": error}, 404)


def _listed(prefix: str, kind: str, step: int) -> list[JSON]:
    return [
        {"id": f"{prefix}{number}", "object": kind, "created_at": 1_700_000_000 + number * step}
        for number in range(COUNT)
    ]


def foundry(lists: Mapping[str, list[JSON]] | None = None) -> Answering:
    """Serve a list of threads, and lists of conversations and responses with other times."""
    found = lists or {
        "threads": _listed("thread_", "thread", 3),
        "conversations": _listed("conv_", "conversation", 2),
        "responses": [],
    }

    async def answering(exchange: Exchange) -> Answer:
        asked = exchange.asked
        named = asked.path.removeprefix("/openai/v1").strip("/").split("/")
        has_version = asked["api-version"] == "v1"
        assert has_version is (named[0] == "threads")
        rows = found.get(named[0])
        if rows is None:
            return NO_ROUTE
        match named:
            case [_]:
                return paged(asked, rows)
            case [_, object_id] if any(row["id"] == object_id for row in rows):
                return answer(next(row for row in rows if row["id"] == object_id))
            case [_, object_id, _] if any(row["id"] == object_id for row in rows):
                number = object_id.rpartition("_")[2]
                return paged(asked, [_said("user", int(number))])
            case _:
                return refusal(404, f"No object found with id '{named[1]}'.")

    return answering


RESPONSES: Final = [
    {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_700_000_000 + number,
        "status": "completed",
        "model": "m",
        "output": [_said("assistant", number)],
    }
    for number in range(30)
]


async def _fireworks(exchange: Exchange) -> Answer:
    asked = exchange.asked
    match (asked.method, *asked.path.strip("/").split("/")):
        case ("GET", "responses"):
            return paged(asked, RESPONSES)
        case ("GET", "responses", response) if any(row["id"] == response for row in RESPONSES):
            return answer(next(row for row in RESPONSES if row["id"] == response))
        case ("GET", "responses", response):
            return refusal(404, f"Response with id '{response}' not found.")
        case _:
            return answer({"detail": "Not Found"}, 404)


AGENTS: Final = Behaviour(
    "agent sessions, whose writes have no reply",
    "OpenAI API documents, Agents API",
    agent_sessions(),
    {"upstream": "openai"},
)
CHATKIT: Final = Behaviour(
    "threads with items of ChatKit's types",
    "OpenAI API documents, ChatKit",
    _chatkit_threads,
    {"upstream": "chatkit"},
)
MANAGED: Final = Behaviour(
    "sessions with events, in pages with opaque cursors",
    "Anthropic API documents, managed agents",
    _managed_sessions,
    {"upstream": "anthropic"},
)
FOUNDRY: Final = Behaviour(
    "threads and conversations in lists of their own",
    "Azure AI Foundry, specification",
    foundry(),
    {"upstream": "foundry"},
)
FIREWORKS: Final = Behaviour(
    "a list of responses, without their input",
    "Fireworks, documents of the responses API",
    _fireworks,
    {"upstream": "fireworks"},
)

SESSIONS: Final = (AGENTS, CHATKIT, MANAGED, FOUNDRY, FIREWORKS)
