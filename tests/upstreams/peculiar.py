"""A server on loopback that behaves as one documented upstream does, over the store's data."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from backscroll_tools.models import JSON
from tests.loopback import served

Query: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was received."""

    method: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: bytes = b""

    def without(self, *names: str) -> Query:
        return tuple((name, value) for name, value in self.query if name not in names)

    def __getitem__(self, name: str) -> str:
        return dict(self.query).get(name, "")

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and self.path.endswith(("/messages", "/items", "/completions"))


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to send."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> JSON:
        found: JSON = json.loads(self.body)
        return found


def answer(body: object, status: int = 200, **headers: str) -> Answer:
    """Return a reply with JSON, or with unchanged text."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, str):
        return Answer(status, body.encode(), {"content-type": "text/plain; charset=utf-8"} | named)
    return Answer(status, json.dumps(body).encode(), {"content-type": "application/json"} | named)


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    """Return an error in OpenAI's envelope."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return answer({"error": error}, status, **headers)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, the requests before it, and the store that can answer it."""

    asked: Asked
    earlier: tuple[Asked, ...]
    store: httpx2.AsyncClient

    async def ask(self, query: Query | None = None, path: str = "") -> Answer:
        """Send a request to the store, by default the request that was received."""
        reply = await self.store.request(
            self.asked.method,
            path or self.asked.path,
            params=list(self.asked.query if query is None else query),
            headers={"OpenAI-Beta": "assistants=v2", "Content-Type": "application/json"},
            content=self.asked.body,
        )
        return Answer(reply.status_code, reply.content, {"content-type": "application/json"})

    async def all(self) -> list[JSON]:
        """Return the whole requested list, in the requested order."""
        rows: list[JSON] = []
        order = self.asked["order"] or "desc"
        more = True
        while more:
            after = (("after", rows[-1]["id"]),) if rows else ()
            page = (await self.ask((("limit", "100"), ("order", order), *after))).json
            rows += page["data"]
            more = page["has_more"]
        return rows

    async def listed(self, change: Callable[[JSON], JSON]) -> Answer:
        """Return the store's reply, changed if it is a list."""
        said = await self.ask()
        if said.status != httpx2.codes.OK or "data" not in said.json:
            return said
        return answer(change(said.json))


Answering: TypeAlias = Callable[[Exchange], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """One behaviour of upstreams.

    Attributes:
        name: a description of the behaviour.
        source: the servers that have it, as the upstream facts name them.
        answer: returns the reply to a request.
        settings: the settings for such an upstream.
    """

    name: str
    source: str
    answer: Answering
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


@asynccontextmanager
async def peculiar(
    answering: Answering, store: httpx2.AsyncClient
) -> AsyncIterator[tuple[str, list[Asked]]]:
    """Serve an upstream with this behaviour; yield its base URL, and the requests received."""
    asked: list[Asked] = []

    async def reply(request: Request) -> Response:
        now = Asked(
            request.method,
            request.url.path.removeprefix("/v1"),
            tuple(request.query_params.multi_items()),
            dict(request.headers),
            await request.body(),
        )
        said = await answering(Exchange(now, tuple(asked), store))
        asked.append(now)
        return Response(said.body, said.status, dict(said.headers))

    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    async with served(Starlette(routes=[Route("/{path:path}", reply, methods=methods)])) as origin:
        yield f"{origin}/v1", asked
