"""FastMCP's client over HTTP; stdin and stdout have the format of node/session.cjs."""

import asyncio
import json
import sys
from typing import Any

from fastmcp import Client
from fastmcp.exceptions import MCPError


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Connect, list the tools, make the calls, and return the outcome of each."""
    async with Client(asked["url"], auth=asked["token"] or None) as client:
        answers = [await answer(client, call) for call in asked["calls"]]
        names = [tool.name for tool in await client.list_tools()]
        return {"version": client.protocol_version, "tools": names, "answers": answers}


async def answer(client: Client, call: dict[str, Any]) -> dict[str, Any]:
    """Make a call."""
    told: list[tuple[float, float | None]] = []

    async def progressed(progress: float, total: float | None, _: str | None) -> None:
        told.append((progress, total))

    try:
        result = await client.call_tool_mcp(call["tool"], call["arguments"], progressed)
    except MCPError as error:
        return {"error": error.error.model_dump(), "progress": told}
    return {"result": result.model_dump(mode="json", by_alias=True), "progress": told}


json.dump(asyncio.run(main(json.load(sys.stdin))), sys.stdout)
