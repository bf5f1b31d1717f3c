"""Behaviours of upstreams with conversations and stored completions that differ from OpenAI's."""

from typing import Final

from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange, answer, refusal
from tests.upstreams.world import ANSWER, COMPLETION, CONVERSATION

LONG_ANSWER: Final = "a long answer " * 400


async def _as_it_is(exchange: Exchange) -> Answer:
    return await exchange.ask()


async def _envelope_cursor(exchange: Exchange) -> Answer:
    """Leave the last item of a page out of `data`, as filters do; only the envelope names it."""
    said = await exchange.ask()
    page = said.json
    if page["data"] and page["data"][-1]["type"] != "message":
        return answer({**page, "data": page["data"][:-1]})
    return said


async def _all_unknown(exchange: Exchange) -> Answer:
    kinds = ["compaction", "mcp_call", "hologram"]
    return await exchange.listed(
        lambda page: {
            **page,
            "data": [
                item
                if item["type"] == "message"
                else {"type": kinds[number % 3], "id": item["id"], "value": [None, {"x": 1}]}
                for number, item in enumerate(page["data"])
            ],
        }
    )


def _input_only(said: str = ANSWER) -> Answering:
    async def answering(exchange: Exchange) -> Answer:
        asked = exchange.asked
        if not asked.is_list:
            completion = (await exchange.ask()).json
            completion["choices"][0]["message"]["content"] = said
            return answer(completion)
        rows = [row for row in await exchange.all() if row["content"] != ANSWER]
        ids = [row["id"] for row in rows]
        start = ids.index(asked["after"]) + 1 if asked["after"] else 0
        page = rows[start : start + int(asked["limit"])]
        return answer({"object": "list", "data": page, "has_more": start + len(page) < len(rows)})

    return answering


async def _messages_alone(exchange: Exchange) -> Answer:
    if exchange.asked.is_list:
        return await exchange.ask()
    return answer({"detail": "Not Found"}, 404)


def _unfiltered(*, with_metadata: bool) -> Answering:
    """List three completions, whatever the query asks for."""
    users: list[dict[str, str]] = [{"user": "a"}, {"user": "b", "team": "x"}, {}]

    async def answering(_: Exchange) -> Answer:
        rows = [
            {
                "id": f"chatcmpl-{number}",
                "object": "chat.completion",
                "metadata": metadata if with_metadata else None,
            }
            for number, metadata in enumerate(users)
        ]
        return answer({"object": "list", "data": rows, "has_more": False})

    return answering


def _at_first(status: int, message: str) -> Answering:
    """Report a new object as missing twice, then return it."""

    async def answering(exchange: Exchange) -> Answer:
        if exchange.asked.method == "POST":
            return await exchange.ask()
        reads = [asked for asked in exchange.earlier if asked.method == "GET"]
        if len(reads) < 2:
            return refusal(status, message)
        return await exchange.ask()

    return answering


NO_CREATED_AT: Final = Behaviour(
    "items have no created_at", "OpenAI API documents, conversations", _as_it_is
)
ENVELOPE_CURSOR: Final = Behaviour(
    "the cursor is the envelope's last_id", "OpenAI API documents", _envelope_cursor
)
UNKNOWN_KINDS: Final = Behaviour(
    "kinds of items that no document names", "OpenAI API documents", _all_unknown
)
INPUT_ONLY: Final = Behaviour(
    "messages of a completion are its input alone", "OpenAI API documents", _input_only()
)
LONG_CHOICE: Final = Behaviour(
    "an answer longer than a page, in the choices alone",
    "OpenAI API documents",
    _input_only(LONG_ANSWER),
)
WITH_OUTPUT: Final = Behaviour(
    "messages of a completion are its output too", "OGX 1.5.0, recorded", _as_it_is
)
MESSAGES_ALONE: Final = Behaviour(
    "messages are served, the completion is not", "lies survived", _messages_alone
)
IGNORES_METADATA: Final = Behaviour(
    "a metadata filter of completions is ignored",
    "OGX 1.5.0; Llama Stack, source",
    _unfiltered(with_metadata=True),
)
LACKS_METADATA: Final = Behaviour(
    "completions are listed without their metadata",
    "OGX 1.5.0, recorded",
    _unfiltered(with_metadata=False),
)
STORED_LATER_400: Final = Behaviour(
    "400 for what was just created",
    "OGX 1.5.0, measured",
    _at_first(400, f"Conversation '{CONVERSATION}' not found."),
    {"serves": ("conversations",)},
)
STORED_LATER_404: Final = Behaviour(
    "404 for what was just created",
    "OGX 1.5.0, measured",
    _at_first(404, f"Chat completion with id {COMPLETION} not found"),
    {"serves": ("conversations",)},
)

CONVERSING: Final = (
    NO_CREATED_AT,
    ENVELOPE_CURSOR,
    UNKNOWN_KINDS,
    INPUT_ONLY,
    LONG_CHOICE,
    WITH_OUTPUT,
    MESSAGES_ALONE,
    IGNORES_METADATA,
    LACKS_METADATA,
    STORED_LATER_400,
    STORED_LATER_404,
)
