"""Behaviours of upstreams with message contents that differ from OpenAI's documentation."""

from collections.abc import Callable
from typing import Final

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Answering, Behaviour, Exchange

NULLS: Final = (
    "created_at",
    "role",
    "content",
    "assistant_id",
    "run_id",
    "attachments",
    "metadata",
    "status",
    "completed_at",
    "incomplete_at",
    "incomplete_details",
    "object",
    "thread_id",
)


def _each(change: Callable[[JSON], JSON]) -> Answering:
    async def answering(exchange: Exchange) -> Answer:
        return await exchange.listed(
            lambda page: {**page, "data": [change(row) for row in page["data"]]}
        )

    return answering


def _with(**fields: object) -> Answering:
    return _each(lambda row: {**row, **fields})


def _without(*names: str) -> Answering:
    return _each(lambda row: {name: value for name, value in row.items() if name not in names})


UNKNOWN_PARTS: Final[list[JSON]] = [
    {"type": "text", "text": {"value": "seen", "annotations": []}},
    {"type": "hologram", "beams": [1, None, {"x": 1e300}]},
    {"no": "type"},
]

FLOAT_TIME: Final = Behaviour(
    "created_at is a float", "open-assistant-api", _with(created_at=1_700_000_044.9)
)
MILLISECONDS: Final = Behaviour(
    "created_at is in milliseconds", "DashScope", _with(created_at=1_700_000_044_900)
)
NO_TIME: Final = Behaviour(
    "created_at is missing", "OpenAI API documents, conversations", _without("created_at")
)
TIME_TEXT: Final = Behaviour("created_at is no time", "lenient in", _with(created_at="yesterday"))
NO_STATUS: Final = Behaviour(
    "status and its kin are missing",
    "open-assistant-api",
    _without("status", "completed_at", "incomplete_at", "incomplete_details"),
)
UNKNOWN_ROLE: Final = Behaviour(
    "a role that no document names", "OpenAI API documents, conversations", _with(role="critic")
)
NO_ROLE: Final = Behaviour("a role that is no word", "lenient in", _with(role={"name": "User"}))
UNKNOWN_PART: Final = Behaviour(
    "parts of unknown kinds", "OpenAI API documents", _with(content=UNKNOWN_PARTS)
)
PLAIN_TEXT: Final = Behaviour(
    "content is a plain string", "OGX 1.5.0, recorded", _with(content="plain")
)
ALL_NULL: Final = Behaviour(
    "nulls everywhere", "LiteLLM 1.106.2, recorded", _with(**dict.fromkeys(NULLS))
)
NULL_STATUS: Final = Behaviour("status is null", "LiteLLM 1.106.2, OGX 1.5.0", _with(status=None))
OBJECT_RUNS: Final = Behaviour('object is "runs"', "Astra", _with(object="runs"))
UNKNOWN_FIELD: Final = Behaviour(
    "fields that no document names", "LiteLLM 1.106.2, recorded", _with(x_extra={"kept": 1e300})
)
FILE_IDS: Final = Behaviour(
    "file_ids of version 1", "open-assistant-api", _with(file_ids=["file_1", "file_2"])
)

SHAPES: Final = (
    FLOAT_TIME,
    MILLISECONDS,
    NO_TIME,
    TIME_TEXT,
    NO_STATUS,
    UNKNOWN_ROLE,
    NO_ROLE,
    UNKNOWN_PART,
    PLAIN_TEXT,
    ALL_NULL,
    NULL_STATUS,
    OBJECT_RUNS,
    UNKNOWN_FIELD,
    FILE_IDS,
)
