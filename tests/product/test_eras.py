"""The whole product through the official client, as a subprocess, in both protocol eras."""

import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from backscroll.store.app import open_store
from backscroll.store.archive.records import ImportedMessage, ImportedThread
from tests.server.stdio.host import SERVE, environment

Mode = Literal["legacy", "auto"]
VERSIONS: dict[Mode, str] = {"legacy": "2025-11-25", "auto": "2026-07-28"}
each_mode = pytest.mark.parametrize("mode", VERSIONS)


def served(tmp_path: Path, mode: Mode, **settings: str) -> Client:
    """Return a client that starts the server as a host would."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-c", SERVE],
        env=environment(tmp_path / "x.db", **settings),
    )
    return Client(command, mode=mode)


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error
    content: dict[str, Any] | None = result.structured_content
    assert content is not None
    return content


@each_mode
async def test_a_host_writes_reads_and_pages_in_its_own_era(mode: Mode, tmp_path: Path) -> None:
    bodies = [f"{number} é\u2028🙂\nline" for number in range(5)]
    async with served(tmp_path, mode) as host:
        assert host.protocol_version == VERSIONS[mode]
        tools = [tool.name for tool in (await host.list_tools()).tools]
        first = {"role": "user", "content": bodies[0]}
        thread = structured(await host.call_tool("create-message", first))["thread_id"]
        for body in bodies[1:]:
            more = {"thread_id": thread, "role": "assistant", "content": body}
            await host.call_tool("create-message", more)
        again = {**first, "thread_id": thread, "idempotency_key": "once"}
        twice = [structured(await host.call_tool("create-message", again)) for _ in range(2)]
        read: list[str] = []
        arguments: dict[str, Any] = {"thread_id": thread, "limit": 2, "order": "asc"}
        page: dict[str, Any] = {}
        for _ in range(3):
            page = structured(await host.call_tool("list-messages", arguments))
            read += [message["text"] for message in page["messages"]]
            arguments = {"thread_id": thread, "cursor": page["page"]["next_cursor"], "limit": 2}

    assert tools[0] == "list-messages"
    assert twice[0] == twice[1]
    assert read == [*bodies, bodies[0]]
    assert page["page"]["has_more"] is False


@each_mode
async def test_a_long_walk_reports_progress_to_the_host_that_asked(
    mode: Mode, tmp_path: Path
) -> None:
    reported: list[tuple[float, float | None]] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        assert message is None
        reported.append((progress, total))

    messages = [
        ImportedMessage(role="user", content=f"m{number}", created_at=1) for number in range(301)
    ]
    thread = ImportedThread(key="", id="thread_long", created_at=1, messages=messages)
    async with open_store(f"sqlite:///{tmp_path / 'x.db'}") as store:
        await store.import_thread(thread)
    async with served(tmp_path, mode, result_chars="200000") as host:
        arguments = {"thread_id": thread.id, "limit": 500}
        result = await host.call_tool("list-messages", arguments, progress_callback=progressed)

    texts = [message["text"] for message in structured(result)["messages"]]
    assert texts == [f"m{number}" for number in reversed(range(301))]
    assert reported == [(100, 500), (200, 500), (300, 500)]


@each_mode
async def test_a_refused_call_reaches_the_model_and_the_connection_lives_on(
    mode: Mode, tmp_path: Path
) -> None:
    async with served(tmp_path, mode) as host:
        refused = await host.call_tool("create-message", {"role": "user", "content": "a\0b"})
        threads = structured(await host.call_tool("list-threads"))

    (block,) = refused.content
    assert refused.is_error
    assert isinstance(block, TextContent)
    assert block.text.startswith(
        "invalid_arguments: content contains a NUL character at character 1; remove it.\n"
    )
    assert threads["threads"] == []
