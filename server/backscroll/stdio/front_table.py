"""Asks the server for its replies to the first requests, and renders the table of `stdio.front`.

`make render` runs this module.
"""

import asyncio
import json
import os
from collections.abc import Sequence
from typing import Final

from backscroll.mcp.server import build
from backscroll.settings.model import RESULT_CHARS_MAX, Settings
from backscroll.stdio import transport
from backscroll.stdio.front import MODERN
from backscroll_tools.client.groups import GROUPS
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS

HANDSHAKES: Final = ("2025-06-18", "2025-11-25")
"""The protocol versions before `MODERN` that hosts still request."""

_RESOURCES: Final = ("resources/list", "resources/templates/list")
"""The methods that hosts call besides `tools/list` because the server has resources."""

_CLIENT: Final = {"name": "a-host", "version": "1"}


def rendered() -> str:
    """Return the text of the file with the table.

    Raises:
        ValueError: the lists of tools of two protocol versions differ.
    """
    replies = {version: _replies(version) for version in (*HANDSHAKES, MODERN)}
    listed = _remove_tools(replies)
    table = {
        "tools": [
            {
                "name": tool.name,
                "toolset": tool.toolset.name,
                "writes": tool.writes,
                "needs": [group.name for group in tool.needs],
                "finds": tool.finds,
                "varies": tool.schema_without_admin_key is not None,
                "listed": one,
            }
            for tool, one in zip(TOOLS, listed, strict=True)
        ],
        "replies": replies,
    }
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def opening(version: str) -> list[JSON]:
    """Return the first requests of a host that uses this protocol version."""
    if version == MODERN:
        envelope = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": _CLIENT,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        methods: list[tuple[str, JSON]] = [
            ("server/discover", {"_meta": envelope}),
            ("tools/list", {"_meta": envelope}),
            *((method, {"_meta": envelope}) for method in _RESOURCES),
        ]
    else:
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": _CLIENT}
        methods = [("initialize", hello), ("tools/list", {}), ("ping", {})]
        methods += [(method, {}) for method in _RESOURCES]
    return [
        {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        for number, (method, params) in enumerate(methods)
    ]


async def exchanged(settings: Settings, messages: Sequence[JSON]) -> list[JSON]:
    """Send messages to the server over a pipe, and return its replies in the order of their ids."""
    stdin, host_out = os.pipe()
    host_in, stdout = os.pipe()
    with os.fdopen(host_out, "wb") as out:
        out.writelines(json.dumps(message).encode() + b"\n" for message in messages)
    serving = asyncio.create_task(transport.serve(build(settings), stdin, stdout))
    await serving
    os.close(stdin)
    os.close(stdout)
    with os.fdopen(host_in, "rb") as replies:
        found = [json.loads(line) for line in replies]
    return sorted(found, key=lambda reply: int(reply["id"]))


def _remove_tools(replies: dict[str, JSON]) -> list[JSON]:
    """Remove the tools and the instructions from all replies, and return the tools."""
    lists: list[list[JSON]] = []
    for reply in [one for each in replies.values() for one in each.values()]:
        if "tools" in reply:
            lists.append(reply["tools"])
            reply["tools"] = []
        if "instructions" in reply:
            reply["instructions"] = ""
    if any(one != lists[-1] for one in lists):
        raise ValueError("the protocol versions list the tools differently")
    return lists[-1]


def _replies(version: str) -> JSON:
    messages = opening(version)
    settings = Settings(
        # An upstream that serves everything, so that every tool is listed. It is not called.
        upstream="compatible",
        base_url="http://upstream.invalid/v1",
        serves=tuple(GROUPS),
        toolsets=("all",),
        # With the defaults of these two settings, `tools/list` leaves fields out.
        output="both",
        result_chars=RESULT_CHARS_MAX,
    )
    replies = asyncio.run(exchanged(settings, messages))
    return {
        message["method"]: reply["result"] for message, reply in zip(messages, replies, strict=True)
    }
