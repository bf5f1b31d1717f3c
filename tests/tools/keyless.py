"""A store whose idempotency keys are removed on the way, and a process that writes to it."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import anyio
import httpx2
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backscroll.store.app import open_store
from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call, Result
from backscroll_tools.tools.create_message import CREATE_MESSAGE

Deed: TypeAlias = tuple[Literal["acts", "acts late", "does nothing"], int]
"""The outcome of a write: whether the upstream carries it out, and the status of the reply."""

DONE: Deed = ("acts", 200)
LOST: Deed = ("acts", 502)
LATE: Deed = ("acts late", 502)
GONE: Deed = ("does nothing", 502)
REFUSED: Deed = ("does nothing", 429)
REFUSED_YET_DONE: Deed = ("acts", 429)
FAILED: Deed = ("acts", 500)
WRONG: Deed = ("does nothing", 400)
RETIRED: Deed = ("does nothing", 405)

NEVER: Final = 0
"""In place of a status: there is no reply."""


KEYLESS: Final = replace(COMPATIBLE, looks_s=(0.0, 0.0))
UNDERWAY_S: Final = KEYLESS.underway_s


@dataclass
class Keyless:
    """The store, with idempotency keys removed, and with a planned outcome for each write.

    Attributes:
        deeds: the outcomes of the next writes, in order; later writes succeed.
        lists: the statuses of the replies to the next lists, in order; 200 after them.
        asked: the method and path of every request.
        keys: the idempotency keys of the requests, before they were removed.
        now: the true time, in Unix seconds.
        headers: the headers of every reply.
        held: the writes that are carried out late, on `arrive`.
    """

    app: ASGIApp
    deeds: list[Deed] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    now: float = 1_700_000_000.0
    headers: Callable[["Keyless"], Mapping[str, str]] = lambda _: {}
    held: list[tuple[Scope, bytes]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"].removeprefix("/v1")
        self.asked.append(f"{method} {path}")
        self.keys += [
            text.decode() for name, text in scope["headers"] if name == b"idempotency-key"
        ]
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"idempotency-key"]
        begins = path in {"/threads", "/conversations"}
        written = method == "DELETE" or (method == "POST" and not begins)
        act, status = self.deeds.pop(0) if written and self.deeds else DONE
        if method == "GET":
            act, status = "does nothing", self.lists.pop(0) if self.lists else 200
            if status == NEVER:
                await anyio.sleep_forever()
        if status == 200:
            await self.app(scope, receive, self._dated(send))
            return
        if act == "acts late":
            self.held.append((scope, (await receive())["body"]))
        if act == "acts":
            await self.app(scope, receive, _nobody)
        headers = [(b"content-type", b"application/json")]
        dated = self._dated(send)
        await dated({"type": "http.response.start", "status": status, "headers": headers})
        await dated({"type": "http.response.body", "body": b'{"error": {"message": "No."}}'})

    async def arrive(self) -> None:
        """Carry out the writes that are held."""
        while self.held:
            scope, body = self.held.pop(0)

            async def receive(body: bytes = body) -> Message:
                return {"type": "http.request", "body": body, "more_body": False}

            await self.app(scope, receive, _nobody)

    def _dated(self, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = self.headers(self).items()
                encoded = [(name.encode(), value.encode()) for name, value in more]
                message["headers"] = [*message["headers"], *encoded]
            await send(message)

        return sending


async def _nobody(_message: Any) -> None:  # noqa: ANN401 - a message without a receiver
    pass


@dataclass
class Writer:
    """A simulated process that calls `create-message`, or other tools.

    Attributes:
        keyless: the store that it writes to.
        http: the HTTP client that reaches the store.
        keeps_metadata: whether its messages keep their metadata.
        ahead_s: by how many seconds the clock of the process is ahead of the true time.
        client: the upstream client of the process.
    """

    keyless: Keyless
    http: httpx2.AsyncClient
    keeps_metadata: bool
    ahead_s: float = 0.0
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Restart the process, without its memory."""
        profile = replace(KEYLESS, keeps_metadata=self.keeps_metadata)
        upstream = Upstream(profile, "http://store.invalid/v1")
        self.client = Client(
            self.http,
            upstream,
            chance=lambda: 0.0,
            wall=lambda: self.keyless.now + self.ahead_s,
            monotonic=lambda: self.keyless.now - BOOTED_S,
        )

    async def write(self, deadline_s: float = 10, **arguments: object) -> Result | ToolError:
        call = Call.begin(self.client, Bounds(deadline_s=deadline_s))
        try:
            return await CREATE_MESSAGE.run(call, {"role": "user", "content": "a", **arguments})
        except ToolError as error:
            return error

    async def call(self, name: str, /, **arguments: object) -> Result | ToolError:
        """Call a tool with arguments that are checked as those of a host are."""
        tool = next(tool for tool in TOOLS if tool.name == name)
        try:
            call = Call.begin(self.client, Bounds(deadline_s=10))
            return await tool.run(call, validated(tool, arguments))
        except ToolError as error:
            return error

    @property
    def sent(self) -> int:
        """The number of requests that add something, including refused ones."""
        return sum(line.startswith("POST") for line in self.keyless.asked)

    async def messages(self, thread: str) -> list[tuple[str, str]]:
        """Return the id and text of each message that is really stored, oldest first."""
        if thread.startswith("conv_"):
            reply = await self._get(f"/conversations/{thread}/items")
            return [(each["id"], each["content"][0]["text"]) for each in reply["data"]]
        reply = await self._get(f"/threads/{thread}/messages")
        return [(each["id"], each["content"][0]["text"]["value"]) for each in reply["data"]]

    async def new(self, kind: str = "threads", *items: JSON) -> str:
        body: JSON = {"items": items} if items else {}
        reply = await self.http.post(f"{BASE}/{kind}", json=body, headers=V2)
        made: str = reply.raise_for_status().json()["id"]
        self.keyless.asked.clear()
        return made

    async def _get(self, path: str) -> JSON:
        query: dict[str, str | int] = {"order": "asc", "limit": 100}
        reply = await self.http.get(f"{BASE}{path}", params=query, headers=V2)
        found: JSON = reply.raise_for_status().json()
        return found


BOOTED_S: Final = 1_600_000_000
"""When the machine was started, in Unix seconds."""

BASE = "http://store.invalid/v1"
V2 = {"OpenAI-Beta": "assistants=v2"}


@asynccontextmanager
async def writing(*, keeps_metadata: bool = True) -> AsyncIterator[Writer]:
    async with open_store("sqlite://") as store:
        keyless = Keyless(store.app)
        transport = httpx2.ASGITransport(keyless)
        async with httpx2.AsyncClient(transport=transport) as http:
            yield Writer(keyless, http, keeps_metadata)


def key_of(outcome: Result | ToolError) -> str:
    if isinstance(outcome, Result):
        key: str = outcome.structured["idempotency_key"]
        return key
    found = re.search(r'idempotency_key "([^"]+)"', outcome.next_step)
    assert found, outcome.render()
    return found[1]


def code_of(outcome: Result | ToolError) -> str:
    return "done" if isinstance(outcome, Result) else outcome.code
