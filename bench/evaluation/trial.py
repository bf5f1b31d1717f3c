"""Runs the contenders. Each has its own store, and does all tasks through a real MCP client."""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO
from urllib.parse import urlsplit

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from backscroll.store.app import open_store
from bench.conversations import database
from bench.evaluation.desk import CallError, Desk, Exchange, Record
from bench.evaluation.ours import Ours
from bench.evaluation.peer import Peer
from bench.evaluation.task import Task
from bench.evaluation.world import World
from bench.host import Program, environment
from bench.servers import backscroll, fastmcp_conversations, served
from tests.faults.plans import CLEAN, Plan
from tests.faults.proxy import Proxy

_PAGE: Final = 100
_HEADERS: Final = {"OpenAI-Beta": "assistants=v2"}
_CUT: Final = Plan("cut", "committed")
"""A fault: the store writes the message, but the connection ends before the response."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A server whose tools are compared.

    Attributes:
        name: its name.
        embedded: the program, given a database and the URL that it is served at.
        remote: the program, given an URL alone.
        desk: how an agent uses its tools.
    """

    name: str
    embedded: Callable[[str, str], Program]
    remote: Callable[[str], Program]
    desk: Callable[[Record], Desk]


def _remote(base_url: str) -> Program:
    """Return Backscroll on a compatible server that it knows nothing about."""
    variables = {"BACKSCROLL_UPSTREAM": "compatible", "BACKSCROLL_BASE_URL": base_url}
    return Program(backscroll("").command, variables)


BACKSCROLL: Final = Contender("Backscroll", lambda database, _: backscroll(database), _remote, Ours)
FASTMCP: Final = Contender(
    "from_openapi", lambda _, base_url: fastmcp_conversations(base_url), fastmcp_conversations, Peer
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An agent's attempt at a task.

    Attributes:
        right: whether the outcome is correct.
        exchanges: its calls.
        trouble: why it gave up, if it did.
    """

    right: bool
    exchanges: tuple[Exchange, ...]
    trouble: str = ""

    @property
    def wrong_turns(self) -> int:
        """Calls that returned an error, or repeated an earlier call."""
        said = [exchange.said for exchange in self.exchanges]
        again = len(said) - len(set(said))
        return again + sum(exchange.is_error for exchange in self.exchanges)


@dataclass(frozen=True, slots=True)
class Around:
    """The environment of an agent. It uses the store's own API."""

    world: World
    http: httpx2.AsyncClient

    async def others_write(self, thread_id: str, text: str) -> None:
        """Write a message as another user."""
        message = {"role": "user", "content": text}
        (await self.http.post(f"threads/{thread_id}/messages", json=message)).raise_for_status()

    async def others_delete(self, thread_id: str, message_id: str) -> None:
        """Delete a message as another user."""
        path = f"threads/{thread_id}/messages/{message_id}"
        (await self.http.delete(path)).raise_for_status()

    async def stored(self, thread_id: str) -> list[str]:
        """Return the texts of the newest messages, newest first."""
        listed = await self._get(f"threads/{thread_id}/messages", "")
        return [each["content"][0]["text"]["value"] for each in listed.json()["data"]]

    async def dump(self, path: str) -> list[str]:
        """Return the replies that hold everything at a path."""
        replies, after = [], ""
        while True:
            reply = await self._get(path, after)
            replies.append(reply.text)
            listed: dict[str, Any] = reply.json()
            if not listed.get("has_more"):
                return replies
            after = listed["last_id"]

    async def _get(self, path: str, after: str) -> httpx2.Response:
        params: dict[str, str | int] = {}
        if path.endswith(("messages", "items", "threads", "completions")):
            params = {"limit": _PAGE, "after": after} if after else {"limit": _PAGE}
        reply = await self.http.get(path, params=params)
        return reply.raise_for_status()


async def dumped(world: World, tasks: Sequence[Task]) -> dict[str, list[str]]:
    """Return what the API itself answers at each path that the tasks are about, before any."""
    paths = {path for task in tasks for path in task.reads(world)}
    with database() as url:
        await world.store(url)
        async with (
            open_store(url) as store,
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=store.app),
                base_url="http://store/v1",
                headers=_HEADERS,
            ) as http,
        ):
            around = Around(world, http)
            return {path: await around.dump(path) for path in sorted(paths)}


async def attempts(
    contender: Contender, world: World, tasks: Iterable[Task]
) -> tuple[str, list[Attempt]]:
    """Return a contender's tools as a model sees them, in JSON, and its attempts.

    Raises:
        FileNotFoundError: it is not installed.
    """
    async with _stored(world) as (url, base_url, around):
        proxy = Proxy(
            upstream=urlsplit(base_url).port or 0,
            strips_keys=True,
        )
        async with (
            proxy.serving(),
            _connected(contender.embedded(url, base_url)) as near,
            _connected(contender.remote(proxy.url)) as far,
        ):
            listed = await near.list_tools()
            done = []
            for task in tasks:
                if task.flaky:
                    proxy.begin(_first_write_lost())
                done.append(await _attempt(contender, far if task.flaky else near, task, around))
            await proxy.quiet()
    shown = [
        {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
        for tool in listed.tools
    ]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")), done


async def _attempt(contender: Contender, client: Client, task: Task, around: Around) -> Attempt:
    record = Record(client)
    try:
        right = await task.does(contender.desk(record), around)
    except CallError as error:
        return Attempt(right=False, exchanges=tuple(record.exchanges), trouble=str(error))
    return Attempt(right, tuple(record.exchanges))


def _first_write_lost() -> Callable[[str, int], Plan]:
    lost: list[int] = []

    def plan(method: str, number: int) -> Plan:
        if method == "POST" and not lost:
            lost.append(number)
            return _CUT
        return CLEAN

    return plan


@asynccontextmanager
async def _stored(world: World) -> AsyncIterator[tuple[str, str, Around]]:
    """Give a database that holds the world, the URL that it is served at, and the way around."""
    with database() as url:
        await world.store(url)
        with served(url) as store:
            http = httpx2.AsyncClient(base_url=store.base_url, headers=_HEADERS)
            async with http:
                yield url, store.base_url, Around(world, http)


@asynccontextmanager
async def _connected(program: Program) -> AsyncIterator[Client]:
    command, *arguments = program.command
    server = StdioServerParameters(
        command=command, args=arguments, env=environment(program.environ)
    )
    with _nowhere() as errors:
        async with Client(stdio_client(server, errors)) as client:
            yield client


def _nowhere() -> TextIO:
    """Return where a server's log goes: some fill a screen for each error."""
    return Path(os.devnull).open("w", encoding="utf-8")
