"""A server keeps the sessions of other programs in step, in a process of its own."""

import asyncio
from contextlib import suppress
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.types import TextContent

from backscroll.mcp.server import build
from backscroll.settings.model import Settings
from backscroll.store.app import open_store
from backscroll.upstream.sync_process import SyncProcess
from tests.history.sync.claude_logs import Home
from tests.pace import limit_s


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=f"sqlite:///{tmp_path / 'x.db'}", sources=("claude-code",))


async def found(settings: Settings, query: str) -> list[str]:
    """Return the texts of the hits in the store."""
    async with open_store(settings.database_url) as store:
        transport = httpx2.ASGITransport(store.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as http:
            reply = await http.get("/v1/search", params={"query": query})
    return [hit["excerpt"]["text"] for hit in reply.json()["data"]]


async def test_a_search_waits_for_what_was_just_written_but_not_for_long(
    home: Home, settings: Settings
) -> None:
    log = home.log()
    log.say("The harbor is closed")
    async with SyncProcess(settings, start_after_s=0) as sync:
        await sync.started.wait()
        await sync.catch_up(limit_s(30))
        first = await found(settings, "harbor")
        log.say("The quartz is here", "assistant")
        await sync.catch_up(limit_s(30))
        second = await found(settings, "quartz")
        await sync.catch_up(0)
        await sync.catch_up(limit_s(30))  # returns at once, because the last request is open

    assert (first, second) == (["The harbor is closed"], ["The quartz is here"])


async def test_sessions_count_as_being_imported_until_the_first_round_ends(
    home: Home, settings: Settings
) -> None:
    home.log().say("The harbor is closed")
    async with SyncProcess(settings, start_after_s=0) as sync:
        before = sync.importing
        await sync.started.wait()
        await sync.catch_up(limit_s(30))

        assert (before, sync.importing) == (("claude-code",), ())


async def test_a_sync_that_has_ended_does_not_count_as_importing(settings: Settings) -> None:
    async with SyncProcess(settings, start_after_s=0) as sync:
        await sync.started.wait()

    assert sync.importing == ()


def children() -> set[str]:
    """Return the ids of the processes that this one has started and that have not ended."""
    found: set[str] = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended has none
            found.update((thread / "children").read_text().split())
    return found


async def test_a_process_that_does_not_end_in_time_is_killed(settings: Settings) -> None:
    before = await asyncio.to_thread(children)
    async with SyncProcess(settings, start_after_s=0, end_s=0) as sync:
        await sync.started.wait()

    assert await asyncio.to_thread(children) == before


async def test_a_server_that_is_cancelled_leaves_no_process(settings: Settings) -> None:
    before = await asyncio.to_thread(children)
    with anyio.CancelScope() as scope:
        async with SyncProcess(settings, start_after_s=0) as sync:
            await sync.started.wait()
            scope.cancel()

    assert await asyncio.to_thread(children) == before


async def test_a_search_before_the_first_round_ends_says_that_sessions_are_being_imported(
    home: Home, settings: Settings
) -> None:
    home.log().say("The harbor is closed")
    async with Client(build(settings)) as client:
        result = await client.call_tool("search-messages", {"query": "harbor"})

    [text] = [block.text for block in result.content if isinstance(block, TextContent)]
    assert "sessions of claude-code are still being imported; search again later" in text


async def test_a_sync_that_cannot_be_started_is_logged_and_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOO_LONG", "x" * 2_000_000)  # no system starts a process with it
    async with SyncProcess(settings, start_after_s=0) as sync:
        await sync.started.wait()
        await sync.catch_up(limit_s(30))

    assert sync.importing == ()
    assert caplog.messages == ["the sync of sources cannot be started: Argument list too long"]
