"""The real store on a real port, its contents, and a client that uses it through a proxy."""

import json
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

import httpx2
import uvicorn

from backscroll.store.app import open_store
from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, STORE, Profile, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Bounds, Call, Result
from tests.faults.proxy import Proxy
from tests.loopback import NO_TLS, serving
from tests.pace import limit_s, paced_s

Kind: TypeAlias = Literal["store", "threads", "conversations"]
"""The store, which honours keys; or an upstream of threads or conversations that ignores them."""

PROFILES: Final[dict[Kind, Profile]] = {
    "store": STORE,
    "threads": COMPATIBLE,
    "conversations": COMPATIBLE,
}
HURRIED: Final = {
    kind: replace(profile, looks_s=tuple(map(paced_s, (0.0, 0.01, 0.03))), underway_s=paced_s(1.0))
    for kind, profile in PROFILES.items()
}
"""The profiles, with waits shortened for a store on this machine."""

V2: Final = {"OpenAI-Beta": "assistants=v2"}

_TOOLS: Final = {tool.name: tool for tool in TOOLS}


@dataclass(frozen=True)
class Served:
    """The store on a port of the loopback interface, over a file."""

    port: int
    path: Path

    def texts(self) -> dict[str, str]:
        """Return the text of every message in threads and conversations, by id."""
        found: dict[str, str] = {}
        with closing(sqlite3.connect(self.path)) as database:
            for message_id, content in database.execute("SELECT id, content FROM messages"):
                found[message_id] = json.loads(content)[0]["text"]["value"]
            for item_id, body in database.execute("SELECT id, body FROM items"):
                found[item_id] = json.loads(body)["content"][0]["text"]
        return found

    async def new(self, kind: Kind) -> str:
        """Return the id of a new thread or conversation."""
        path = "conversations" if kind == "conversations" else "threads"
        async with httpx2.AsyncClient(verify=NO_TLS, headers=V2, timeout=limit_s(20)) as http:
            reply = await http.post(f"http://127.0.0.1:{self.port}/v1/{path}", json={})
        made: str = reply.raise_for_status().json()["id"]
        return made


@asynccontextmanager
async def served_store(folder: Path) -> AsyncIterator[Served]:
    """Serve a new store over a file in a folder."""
    path = folder / "store.db"
    async with open_store(f"sqlite:///{path}") as store:
        config = uvicorn.Config(
            store.app, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        with socket.create_server(("127.0.0.1", 0)) as listening:
            async with serving(uvicorn.Server(config), listening):
                yield Served(listening.getsockname()[1], path)


@asynccontextmanager
async def client_of(proxy: Proxy, profile: Profile, key: str = "") -> AsyncIterator[Client]:
    """Yield a client like that of a process, except that it retries without a pause."""

    async def credential() -> tuple[str, str]:
        return "Authorization", f"Bearer {key}"

    upstream = Upstream(profile, proxy.url, credential=credential if key else None)
    unpooled = httpx2.Limits(max_keepalive_connections=0)
    async with (
        httpx2.AsyncClient(verify=NO_TLS, timeout=None) as reading,
        httpx2.AsyncClient(verify=NO_TLS, timeout=None, limits=unpooled) as writing,
    ):
        yield Client(reading, upstream, writing, chance=lambda: 0.0)


async def call(client: Client, name: str, arguments: JSON, deadline_s: float) -> Result | ToolError:
    """Call a tool and return its result, or its error."""
    try:
        return await _TOOLS[name].run(Call.begin(client, Bounds(deadline_s=deadline_s)), arguments)
    except ToolError as error:
        return error
