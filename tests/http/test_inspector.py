"""The MCP inspector, a third-party client, drives the server over HTTP."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients import nodejs
from tests.http.serving import running, settings_of
from tests.inventory import NAMES


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_inspector_lists_the_tools_and_writes_and_reads_a_message(
    era: str, tmp_path: Path
) -> None:
    async with running(settings_of(tmp_path, http_auth="token")) as server:
        token = await server.token()

        async def inspect(*options: str) -> Any:  # noqa: ANN401 - JSON, as the inspector printed it
            how = ("--transport", "http", "--header", f"Authorization: Bearer {token}")
            command = (nodejs.INSPECTOR, "--cli", server.url, *how, "--protocol-era", era)
            said = await asyncio.to_thread(nodejs.run, *command, *options, "--format", "json", "-q")
            return json.loads(said)["result"]

        async def call(tool: str, **arguments: object) -> Any:  # noqa: ANN401 - likewise
            how = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
            result = await inspect("--method", "tools/call", *how)
            assert not result.get("isError"), result
            return result["structuredContent"]

        listed = await inspect("--method", "tools/list", "--strict")
        created = await call("create-message", role="user", content="Grüße")
        read = await call("list-messages", thread_id=created["thread_id"])

    assert [tool["name"] for tool in listed["tools"]] == NAMES
    assert [message["text"] for message in read["messages"]] == ["Grüße"]
