"""The MCP inspector, a client that others wrote, drives the server over stdio."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients import nodejs
from tests.inventory import NAMES
from tests.product import processes

TEXT = "Grüße, 世界 \U0001f642\nAB user msg_1\t\x1b[31m"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_lists_the_tools_and_writes_and_reads_a_message(
    era: str, tmp_path: Path
) -> None:
    environ = processes.variables(f"sqlite:///{tmp_path / 'store.db'}")

    def inspect(*options: str) -> Any:  # noqa: ANN401 - JSON, as the inspector printed it
        named = [f"{name}={value}" for name, value in environ.items()]
        env = [option for value in named for option in ("-e", value)]
        said = nodejs.inspect(processes.SERVER, *env, "--protocol-era", era, *options)
        return said["result"]

    def call(tool: str, **arguments: object) -> Any:  # noqa: ANN401 - likewise
        how = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        result = inspect("--method", "tools/call", *how)
        assert not result.get("isError"), result
        return result["structuredContent"]

    listed = inspect("--method", "tools/list", "--strict")  # an error in a schema ends it
    assert [tool["name"] for tool in listed["tools"]] == NAMES

    if era == "legacy":
        return  # the HTTP inspector writes and reads in both eras, by the same handlers

    created = call("create-message", role="user", content=TEXT)
    read = call("list-messages", thread_id=created["thread_id"])

    assert read["page"] == {
        "returned": 1,
        "has_more": False,
        "next_cursor": None,
        "stopped_by": "end",
        "order": "desc",
    }
    assert read["messages"] == [{**created["message"], "text": TEXT}]
