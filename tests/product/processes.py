"""Backscroll as users start it: the commands, each in its own process."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.pace import limit_s

SERVER: Final = (sys.executable, "-m", "backscroll")


def variables(database: str, **settings: object) -> dict[str, str]:
    """Return settings as environment variables."""
    given = {"database": database, **settings}
    return {f"BACKSCROLL_{name.upper()}": str(value) for name, value in given.items()}


def run(*arguments: str, environ: Mapping[str, str], timeout_s: float = 50) -> str:
    """Run a command to its end and return its output."""
    finished = subprocess.run(
        [*SERVER, *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env=os.environ | environ,
        timeout=limit_s(timeout_s),
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


_ENVELOPE: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def request(method: str, **params: object) -> bytes:
    """Return a request as a line, as a host of 2026-07-28 may send it before any other."""
    body = {"_meta": _ENVELOPE, **params}
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": body}
    return json.dumps(message).encode() + b"\n"


LIST_TOOLS: Final = request("tools/list")


def over_stdio(environ: Mapping[str, str]) -> StdioServerParameters:
    """Return the parameters with which an MCP client starts the server."""
    command, *arguments = SERVER
    return StdioServerParameters(command=command, args=arguments, env=dict(environ))


async def pages(client: Client, tool: str, **arguments: object) -> AsyncIterator[dict[str, Any]]:
    """Yield the pages of a list, each requested with the cursor of the page before it."""
    has_more = True
    while has_more:
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        assert result.structured_content is not None
        yield result.structured_content
        page = result.structured_content["page"]
        has_more = page["has_more"]
        arguments["cursor"] = page["next_cursor"]
