"""A server that answers a recorded request with its recorded reply.

`recorded/` holds exchanges with two servers run on loopback, OGX 1.5.0 and the LiteLLM 1.106.2
proxy, unchanged except for their keys.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx2
from starlette.applications import Starlette

from backscroll_tools.models import JSON
from tests.upstreams.peculiar import Answer, Asked, Exchange, Query, answer, peculiar
from tests.upstreams.world import World, connected

RECORDED: Final = Path(__file__).parent / "recorded"
OGX: Final = "ogx-1.5.0"
LITELLM: Final = "litellm-1.106.2"


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange."""

    method: str
    path: str
    query: Query
    reply: JSON

    @property
    def answer(self) -> Answer:
        return answer(
            self.reply["body"],
            self.reply["status"],
            **{name.replace("-", "_"): value for name, value in self.reply["headers"].items()},
        )


@dataclass(slots=True)
class Replay:
    """Some recordings of one server, and the requests that match none of them."""

    recordings: list[Recording]
    unanswered: list[Asked] = field(default_factory=list)

    async def answering(self, exchange: Exchange) -> Answer:
        asked = exchange.asked
        for recording in self.recordings:
            if (asked.method, asked.path) == (recording.method, recording.path) and _told(
                asked.path, asked.query
            ) == _told(asked.path, recording.query):
                return recording.answer
        self.unanswered.append(asked)
        return answer({"detail": "Not Found"}, 404)


@dataclass(slots=True)
class DroppingReplay(Replay):
    """A server that ignores the query of a request, like LiteLLM."""

    async def answering(self, exchange: Exchange) -> Answer:
        asked = exchange.asked
        for recording in self.recordings:
            if (asked.method, asked.path) == (recording.method, recording.path):
                return recording.answer
        self.unanswered.append(asked)
        return answer({"detail": "Not Found"}, 404)


def _told(path: str, query: Query) -> JSON:
    """Return a query with OpenAI's documented defaults filled in."""
    order = "asc" if "/chat/completions" in path else "desc"
    return {"limit": "20", "order": order, **{name: value for name, value in query if value}}


def recordings(server: str, *numbers: str) -> list[Recording]:
    """Return recordings by number; all of the server's if no number is given."""
    found: list[Recording] = []
    for path in sorted((RECORDED / server).glob("*.json")):
        if numbers and path.name.split("-")[0] not in numbers:
            continue
        reply: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        request = reply["request"]
        url = urlsplit(request["path"])
        query = tuple(parse_qsl(url.query))
        found.append(Recording(request["method"], url.path.removeprefix("/v1"), query, reply))
    assert found
    return found


@asynccontextmanager
async def replayed(replay: Replay) -> AsyncIterator[World]:
    """Serve recordings, and open the client of the server that was recorded."""
    nothing = httpx2.AsyncClient(transport=httpx2.ASGITransport(Starlette()))
    async with (
        nothing,
        peculiar(replay.answering, nothing) as (base_url, asked),
        connected(base_url, idempotency_keys=True) as client,
    ):
        yield World(client, asked, base_url)
