"""Behaviours of upstreams that keep responses: what their lists of input contain, and in pages."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange, answer, refusal

RESPONSE: Final = "resp_1"
SETTINGS: Final = {"serves": ("responses",)}

Page: TypeAlias = Callable[[Exchange, Sequence[JSON]], Answer]


def said(role: str, text: str, item_id: str) -> JSON:
    """Return an item of type `message`."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return {
        "type": "message",
        "id": item_id,
        "role": role,
        "status": "completed",
        "content": content,
    }


HISTORY: Final = (
    said("user", "text 0", "msg_0"),
    {"type": "reasoning", "id": "rs_0", "summary": [], "encrypted_content": "x"},
    said("assistant", "text 1", "msg_1"),
)
OWN: Final = (
    said("user", "text 2", "msg_2"),
    {
        "type": "function_call",
        "id": "fc_1",
        "call_id": "call_1",
        "name": "weather",
        "arguments": '{"city": "Oslo"}',
        "status": "completed",
    },
    {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "-3 °C"},
)
OUTPUT: Final = (
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
    said("assistant", "text 3", "msg_3"),
)
WHOLE: Final = (*HISTORY, *OWN)
LONG: Final = tuple(said("user", f"text {number}", f"msg_{number}") for number in range(230))


def object_of(output: Sequence[JSON], **fields: object) -> JSON:
    """Return a response with an output."""
    return {
        "id": RESPONSE,
        "object": "response",
        "created_at": 1_700_000_000.5,
        "status": "completed",
        "model": "m",
        "output": list(output),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        **fields,
    }


def paged(exchange: Exchange, items: Sequence[JSON]) -> Answer:
    """Return a page as OpenAI documents it."""
    asked = exchange.asked
    rows = list(items) if asked["order"] == "asc" else list(items)[::-1]
    ids = [row["id"] for row in rows]
    if asked["after"] and asked["after"] not in ids:
        return refusal(404, f"Item with id '{asked['after']}' not found.")
    start = ids.index(asked["after"]) + 1 if asked["after"] else 0
    end = start + int(asked["limit"] or 20)
    page = rows[start:end]
    last = page[-1]["id"] if page else None
    return answer({"object": "list", "data": page, "last_id": last, "has_more": end < len(rows)})


def _unpaged(_: Exchange, items: Sequence[JSON]) -> Answer:
    return answer({"object": "list", "data": list(items)})


def _newest_first(_: Exchange, items: Sequence[JSON]) -> Answer:
    return answer({"object": "list", "data": list(items)[::-1], "has_more": False})


def _not_served(_: Exchange, __: Sequence[JSON]) -> Answer:
    return answer({"detail": "Not Found"}, 404)


def responding(
    items: Sequence[JSON], page: Page = paged, output: Sequence[JSON] = OUTPUT, **fields: object
) -> Answering:
    """Serve one response with this input and output."""

    async def answering(exchange: Exchange) -> Answer:
        match exchange.asked.path.strip("/").split("/"):
            case ["responses", "resp_1", "input_items"]:
                return page(exchange, items)
            case ["responses", "resp_1"]:
                return answer(object_of(output, **fields))
            case ["responses", other, *_]:
                return refusal(404, f"Response with id '{other}' not found.")
            case _:
                return answer({"detail": "Not Found"}, 404)

    return answering


HISTORY_FIRST: Final = Behaviour(
    "the list of input has the history of the chain first",
    "OGX; Azure AI Foundry, source",
    responding(WHOLE),
    SETTINGS,
)
REPLAYED: Final = Behaviour(
    "the input repeats items of the chain's history",
    "Codex before OGX",
    responding((*WHOLE, *WHOLE)),
    SETTINGS,
)
UNPAGED: Final = Behaviour(
    "the list of input is sent whole, without has_more",
    "SMG, source",
    responding(WHOLE, _unpaged),
    SETTINGS,
)
REVERSED: Final = Behaviour(
    "the list of input ignores its order",
    "lies survived",
    responding(WHOLE, _newest_first),
    SETTINGS,
)
WITH_ANSWER: Final = Behaviour(
    "the list of input has the output too",
    "lies survived",
    responding((*WHOLE, *OUTPUT)),
    SETTINGS,
)
CONTAINED: Final = Behaviour(
    "a response contains its input, and no list has it",
    "OGX, source",
    responding((), _not_served, input=list(WHOLE)),
    SETTINGS,
)
OUTPUT_ALONE: Final = Behaviour(
    "a response without its input",
    "Fireworks, documents",
    responding((), _not_served),
    SETTINGS,
)
MANY: Final = Behaviour(
    "more items of input than a page has", "OpenAI API documents", responding(LONG), SETTINGS
)


async def _chain(exchange: Exchange) -> Answer:
    """Serve a chain of two responses; the list of input of the second has the whole first one."""
    first, second = said("user", "text 0", "msg_0"), said("assistant", "no", "msg_1")
    match exchange.asked.path.strip("/").split("/"):
        case ["responses"]:
            rows = [object_of((), id=f"resp_{number}") for number in (2, 1)]
            return answer({"object": "list", "data": rows, "has_more": False})
        case ["responses", "resp_1", "input_items"]:
            return paged(exchange, [first])
        case ["responses", "resp_2", "input_items"]:
            return paged(exchange, [first, second])
        case ["responses", name]:
            return answer(object_of([second] if name == "resp_1" else [], id=name))
        case _:
            return answer({"detail": "Not Found"}, 404)


LISTED: Final = Behaviour(
    "responses are listed, and each has the messages of the one before",
    "Azure AI Foundry; OGX, source",
    _chain,
    {"serves": ("responses", "list_responses")},
)
RESPONDING: Final = (
    HISTORY_FIRST,
    REPLAYED,
    UNPAGED,
    REVERSED,
    WITH_ANSWER,
    CONTAINED,
    OUTPUT_ALONE,
    MANY,
    LISTED,
)
