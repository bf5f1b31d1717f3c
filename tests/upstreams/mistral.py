"""Mistral's conversations: a bare array in numbered pages, and a history that is always whole."""

from collections.abc import Sequence
from typing import Final

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange, answer

COUNT: Final = 230
CONVERSATION: Final = "conv_229"


def _entry(number: int, kind: str, **fields: object) -> JSON:
    at = f"2026-11-28T09:{number // 60:02}:{number % 60:02}.974Z"
    return {
        "object": "entry",
        "type": kind,
        "id": f"entry_{number}",
        "created_at": at,
        "completed_at": at,
        **fields,
    }


ENTRIES: Final[tuple[JSON, ...]] = (
    _entry(0, "message.input", role="user", content="text 0"),
    _entry(1, "agent.handoff", previous_agent_id="ag_1", next_agent_id="ag_2"),
    _entry(2, "function.call", name="weather", arguments='{"city":"Oslo"}', tool_call_id="call_1"),
    _entry(3, "function.result", result="-3 °C", tool_call_id="call_1"),
    _entry(
        4,
        "tool.execution",
        name="code_interpreter",
        arguments="print(1)",
        info={"stdout": "1", "language": "python"},
    ),
    _entry(5, "hologram", value=[None, {"x": 1}]),
    _entry(
        6,
        "message.output",
        role="assistant",
        agent_id="ag_1",
        model="m",
        content=[
            {"type": "thinking", "thinking": [{"type": "text", "text": "secret thoughts"}]},
            {"type": "text", "text": "text 6"},
            {"type": "tool_file", "tool": "code_interpreter", "file_id": "file_6"},
        ],
    ),
    *(
        _entry(number, "message.output", role="assistant", content=f"text {number}")
        for number in range(7, 136)
    ),
)


def conversations(count: int = COUNT) -> list[JSON]:
    """Return conversations, newest first, as the list has them."""
    return [
        {
            "object": "conversation",
            "id": f"conv_{number}",
            "created_at": f"2026-11-28T08:{number // 60:02}:{number % 60:02}.101Z",
            "updated_at": "2026-11-28T09:30:00Z",
            "name": f"title {number}",
            "description": None,
            "model": "m",
        }
        for number in range(count)
    ][::-1]


def mistral(rows: list[JSON] | None = None, entries: Sequence[JSON] = ENTRIES) -> Answering:
    """Serve a list of conversations, and one history.

    Args:
        rows: the conversations, newest first, which the test may change.
        entries: the history of `CONVERSATION`, oldest first.
    """
    found = conversations() if rows is None else rows

    async def answering(exchange: Exchange) -> Answer:
        asked = exchange.asked
        match (asked.method, *asked.path.strip("/").split("/")):
            case ("GET", "conversations"):
                size = int(asked["page_size"] or 100)
                start = int(asked["page"] or 0) * size
                return answer(found[start : start + size])
            case ("GET", "conversations", named, *_) if not any(
                row["id"] == named for row in found
            ):
                return answer({"message": "Conversation not found", "code": 4000}, 404)
            case ("GET", "conversations", named):
                return answer(next(row for row in found if row["id"] == named))
            case ("GET", "conversations", named, "history"):
                of_it = list(entries) if named == CONVERSATION else []
                history = {"object": "conversation.history", "conversation_id": named}
                return answer({**history, "entries": of_it})
            case _:
                return answer({"detail": "Not Found"}, 404)

    return answering


MISTRAL: Final = Behaviour(
    "conversations in numbered pages, with a history in one piece",
    "Mistral, Python SDK 3.7.0",
    mistral(),
    {"upstream": "mistral"},
)
