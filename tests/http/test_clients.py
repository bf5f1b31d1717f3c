"""The official client over HTTP, in both protocol eras."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import pytest
from mcp import Client
from mcp.types import CallToolResult

from backscroll.store.app import open_store
from tests.faults.plans import Plan
from tests.faults.proxy import Proxy
from tests.http.serving import ERAS, WAIT_S, raw, running, settings_of
from tests.inventory import NAMES
from tests.loopback import served

Mode = Literal["legacy", "auto"]
VERSIONS: dict[Mode, str] = {"legacy": "2025-11-25", "auto": "2026-07-28"}
each_mode = pytest.mark.parametrize("mode", VERSIONS)
each_era = pytest.mark.parametrize("era", ERAS)


def structured(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    content: dict[str, Any] | None = result.structured_content
    assert content is not None
    return content


@each_mode
async def test_every_tool_answers_a_client_of_either_era(mode: Mode, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    async with running(settings) as server, Client(server.url, mode=mode) as host:
        version = host.protocol_version
        names = [tool.name for tool in (await host.list_tools()).tools]
        written = structured(
            await host.call_tool("create-message", {"role": "user", "content": "é\u2028🙂"})
        )
        where = {"thread_id": written["thread_id"]}
        this = {**where, "message_id": written["message"]["id"]}
        page = structured(await host.call_tool("list-messages", where))
        whole = structured(await host.call_tool("get-message", this))
        files = structured(await host.call_tool("list-message-files", this))
        threads = structured(await host.call_tool("list-threads"))
        found = structured(await host.call_tool("list-chat-completions"))
        missing = await host.call_tool("get-chat-messages", {"completion_id": "chatcmpl-none"})

    assert version == VERSIONS[mode]
    assert names == NAMES
    assert [message["text"] for message in page["messages"]] == ["é\u2028🙂"]
    assert whole["message"]["text"] == "é\u2028🙂"
    assert files["files"] == []
    assert [thread["id"] for thread in threads["threads"]] == [written["thread_id"]]
    assert found["completions"] == []
    assert missing.is_error


@each_mode
async def test_a_long_walk_reports_progress_while_it_runs(mode: Mode, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, result_chars=200_000)
    reported: list[tuple[float, float | None]] = []

    async def progressed(progress: float, total: float | None, message: str | None) -> None:
        assert message is None
        reported.append((progress, total))

    async with running(settings) as server, Client(server.url, mode=mode) as host:
        written = structured(
            await host.call_tool("create-message", {"role": "user", "content": "m"})
        )
        more = {"thread_id": written["thread_id"], "role": "user", "content": "m"}
        for _ in range(100):
            await host.call_tool("create-message", more)
        walk = {"thread_id": written["thread_id"], "limit": 500}
        result = await host.call_tool("list-messages", walk, progress_callback=progressed)

    assert structured(result)["page"]["returned"] == 101
    assert reported == [(100, 500)]


@each_era
@pytest.mark.parametrize("progress", [False, True])
async def test_a_client_that_hangs_up_cancels_its_call_and_the_upstream_request(
    era: str, progress: bool, tmp_path: Path
) -> None:
    asked = asyncio.Event()

    def stall(_method: str, _number: int) -> Plan:
        asked.set()
        return Plan("stall", "held")

    async with (
        open_store(f"sqlite:///{tmp_path / 'upstream.db'}") as store,
        served(store.app) as upstream,
        Proxy(int(upstream.rpartition(":")[2])).serving() as proxy,
        running(settings_of(tmp_path, base_url=proxy.url)) as server,
    ):
        proxy.begin(stall)
        asked.clear()
        call = {"name": "list-messages", "arguments": {"thread_id": "thread_x"}}
        meta = {"_meta": {"progressToken": "p"}} if progress else {}
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(raw("tools/call", {**call, **meta}, era))
        async with asyncio.timeout(WAIT_S):
            await asked.wait()
            writer.close()
            await proxy.quiet()  # a stalled request ends only when its client disconnects
            await server.opened.slots.empty()

    assert len(proxy.seen) == 1
