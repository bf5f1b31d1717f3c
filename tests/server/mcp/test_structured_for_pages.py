"""The structured content reaches the page also if the operator chose text, and no other host."""

import json
import os
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from mcp import Client
from mcp.client.extension import advertise
from mcp.types import CallToolResult

from backscroll.mcp.server import build
from backscroll.settings.model import Settings
from tests.product import processes
from tests.server.stdio.host import replies_of

UI: Final = "io.modelcontextprotocol/ui"
SHOWS_PAGES: Final = {"mimeTypes": ["text/html;profile=mcp-app"]}
STRUCTURED: Final = "backscroll/structuredContent"
Mode = Literal["legacy", "auto"]


@pytest.fixture(params=["legacy", "auto"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """Return how a client connects: as of 2025-11-25, and as of 2026-07-28."""
    chosen: Mode = request.param
    return chosen


async def listed(
    tmp_path: Path, output: str, mode: Mode, supported: dict[str, Any] | None
) -> CallToolResult:
    """Return what a host that supports this of MCP Apps gets from `list-threads`."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", output=output)
    extensions = [] if supported is None else [advertise(UI, supported)]
    async with Client(build(settings), mode=mode, extensions=extensions) as host:
        return await host.call_tool("list-threads", {})


async def test_a_host_with_pages_gets_the_structured_content_beside_the_text(
    tmp_path: Path, mode: Mode
) -> None:
    both = await listed(tmp_path, "both", mode, SHOWS_PAGES)
    text = await listed(tmp_path, "text", mode, SHOWS_PAGES)

    assert text.structured_content is None
    assert (text.meta or {})[STRUCTURED] == both.structured_content
    assert STRUCTURED not in (both.meta or {})


@pytest.mark.parametrize("supported", [None, {}, {"mimeTypes": ["text/html"]}, {"mimeTypes": 1}])
async def test_a_host_without_pages_notices_nothing(
    supported: dict[str, Any] | None, tmp_path: Path, mode: Mode
) -> None:
    result = await listed(tmp_path, "text", mode, supported)

    assert result.structured_content is None
    assert STRUCTURED not in (result.meta or {})


async def test_an_error_has_no_structured_content(tmp_path: Path, mode: Mode) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path / 'x.db'}", output="text")
    extensions = [advertise(UI, SHOWS_PAGES)]
    async with Client(build(settings), mode=mode, extensions=extensions) as host:
        result = await host.call_tool("list-messages", {"thread_id": "thread_none"})

    assert result.is_error
    assert STRUCTURED not in (result.meta or {})


def test_a_host_with_pages_is_recognised_after_the_quick_start(tmp_path: Path) -> None:
    client = {"name": "a-host", "version": "1"}
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {"extensions": {UI: SHOWS_PAGES}},
        "clientInfo": client,
    }
    calls = [
        ("initialize", hello),
        ("resources/list", {}),
        ("resources/read", {"uri": "ui://backscroll/conversation"}),
        ("tools/call", {"name": "list-threads", "arguments": {}}),
    ]
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for number, (method, params) in enumerate(calls)
    ]
    environ = processes.variables(f"sqlite:///{tmp_path / 'store.db'}")
    sent = "".join(f"{line}\n" for line in lines).encode()
    answered, _ = replies_of(
        processes.SERVER, sent, len(calls), os.environ | environ | {"BACKSCROLL_OUTPUT": "text"}
    )
    replies = {reply["id"]: reply["result"] for reply in answered}

    assert replies[0]["capabilities"]["resources"] == {"listChanged": False, "subscribe": False}
    (page,) = [each for each in replies[1]["resources"] if each["uri"].startswith("ui:")]
    assert page["mimeType"] == "text/html;profile=mcp-app"
    assert replies[2]["contents"][0]["text"].startswith("<!doctype html>")
    assert replies[3]["_meta"][STRUCTURED]["threads"] == []
    assert "structuredContent" not in replies[3]
