"""A sync that is killed, or that runs beside other writers, imports every message once."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client
from mcp.client.stdio import stdio_client

from backscroll.store.app import open_store
from backscroll.store.envelopes import JSON
from bench.session_logs import write_logs
from tests.faults.figures import record, sized
from tests.faults.sync_process import SyncProcess, environment, started
from tests.history.sync.claude_logs import Home
from tests.pace import limit_s
from tests.postgres import PostgresServer
from tests.product.processes import over_stdio
from tests.store.replicas import client_of
from tests.store.wire import new_thread

KILLS: Final = sized(quick=2, long=200)
"""How many syncs are killed before they end."""
TRIES: Final = 30
"""How many syncs are started for each that is killed in time, at most."""
LOGS: Final = sized(quick=2, long=8)
GROWN: Final = sized(quick=5, long=300)
"""How many messages each log gets while it is synced, and how many the agent writes."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty database, of either engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server = request.getfixturevalue("postgres")
    assert isinstance(server, PostgresServer)
    async with server.database() as made:
        yield made


def generated(home: Path, size: int) -> Path:
    """Write session logs of Claude Code and Codex to a home folder, and return the folder."""
    write_logs(home, size)
    for program, part in ((".claude", "projects"), (".codex", "sessions")):
        (home / program).mkdir()
        (home / part).rename(home / program / part)
    return home


async def ended(sync: SyncProcess) -> None:
    """Wait until a sync has ended by itself."""
    async with asyncio.timeout(limit_s(120)):
        code = await sync.exited()
    assert code == 0, sync.said.read_text("utf-8")


def texts_of(content: str | Sequence[JSON]) -> list[str]:
    """Return the texts of a message."""
    return [content] if isinstance(content, str) else [part["text"]["value"] for part in content]


async def contents(url: str) -> dict[str, Any]:
    """Return all that was imported, without the ids that each store creates."""
    async with open_store(url) as store:
        exported = [each async for each in store.export_conversations()]
    found = {
        each.key: (
            each.metadata,
            each.created_at,
            [
                ({name: part for name, part in item.item.items() if name != "id"}, item.created_at)
                for item in each.items
            ],
        )
        for each in exported
    }
    assert len(found) == len(exported)
    return found


@pytest.mark.timeout(limit_s(sized(quick=60, long=3_600)))
async def test_a_sync_after_kills_leaves_what_an_undisturbed_one_does(
    tmp_path: Path, seed: int
) -> None:
    source = random.Random(seed)
    home, said = generated(tmp_path / "home", sized(quick=1, long=6_000_000)), tmp_path / "said"
    undisturbed = f"sqlite:///{tmp_path / 'undisturbed.db'}"
    first = started(undisturbed, home, said)
    assert await asyncio.to_thread(first.begun.wait, limit_s(30))
    began = time.monotonic()
    await ended(first)
    took_s = time.monotonic() - began
    expected = await contents(undisturbed)
    items = sum(len(each[2]) for each in expected.values())
    assert items > 0
    started_syncs = killed = 0
    while killed < KILLS:
        assert started_syncs < KILLS * TRIES, "most syncs ended before they were killed"
        path = tmp_path / f"{started_syncs}.db"
        for _ in range(2):  # the second one kills a sync that continues a killed one
            sync = started(f"sqlite:///{path}", home, said)
            assert await asyncio.to_thread(sync.begun.wait, limit_s(30))
            await asyncio.sleep(source.random() * took_s)
            sync.process.kill()
            killed += await sync.exited() != 0
            started_syncs += 1
        await ended(started(f"sqlite:///{path}", home, said))
        assert await contents(f"sqlite:///{path}") == expected, f"seed {seed}, kill {killed}"
        path.unlink()
    record(
        "kill -9 of a sync, then a sync",
        f"{killed} kills at random moments of a sync of {items:,} items: 0 lost, 0 twice, equal to "
        "an undisturbed sync",
    )


@pytest.mark.timeout(limit_s(sized(quick=60, long=1_800)))
async def test_two_syncs_a_server_with_sources_and_an_agent_lose_nothing_and_write_nothing_twice(
    database_url: str, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    logs = [home.log(number) for number in range(1, LOGS + 1)]
    async with open_store(database_url) as store, client_of(store) as api:
        thread = await new_thread(api)
    variables = environment(home.path) | {
        "BACKSCROLL_DATABASE": database_url,
        "BACKSCROLL_SOURCES": "claude-code,codex",
    }
    mine = [f"mine {number}" for number in range(GROWN)]
    grown, syncs = asyncio.Event(), 0

    async def agent(client: Client) -> None:
        for number, text in enumerate(mine):
            for log in logs:
                await asyncio.to_thread(log.say, f"said {number} in {log.session}")
            arguments = {"thread_id": thread, "role": "user", "content": text}
            result = await client.call_tool("create-message", arguments)
            assert not result.is_error, result.content
        grown.set()

    async def sync(said: Path) -> None:
        nonlocal syncs
        while not grown.is_set():
            await ended(started(database_url, home.path, said))
            syncs += 1

    outputs = [tmp_path / name for name in ("one", "other", "server")]
    with outputs[2].open("w", encoding="utf-8") as errors:
        server = stdio_client(over_stdio(variables), errlog=errors)
        async with Client(server) as client, asyncio.TaskGroup() as group:
            group.create_task(agent(client))
            for said in outputs[:2]:
                group.create_task(sync(said))
    await ended(started(database_url, home.path, outputs[0]))

    found = await contents(database_url)
    assert [
        [item["content"][0]["text"] for item, _ in found[f"claude-code:{log.session}"][2]]
        for log in logs
    ] == [[f"said {number} in {log.session}" for number in range(GROWN)] for log in logs]
    async with open_store(database_url) as store:
        threads = [each async for each in store.export_threads()]
    messages = [message for each in threads for message in each.messages]
    assert [texts_of(message.content) for message in messages] == [[text] for text in mine]
    assert [path.name for path in outputs if "locked" in path.read_text("utf-8").lower()] == []
    engine = "PostgreSQL" if database_url.startswith("postgres") else "SQLite"
    record(
        f"two syncs, a server with sources and an agent at once, {engine}",
        f"{syncs} syncs in pairs of {LOGS} growing logs: {LOGS * GROWN:,} messages imported and "
        f"{GROWN:,} written by the agent: 0 lost, 0 twice, no `database is locked`",
    )
