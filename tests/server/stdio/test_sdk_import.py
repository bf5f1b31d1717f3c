"""What of the MCP SDK a server over stdio imports, and that the rest still works."""

import subprocess
import sys
from pathlib import Path

from backscroll.stdio.front_table import opening
from tests.server.stdio.host import environment, replies_of
from tests.server.stdio.test_front import line

CALL = {
    "jsonrpc": "2.0",
    "id": 9,
    "method": "tools/call",
    "params": {"name": "list-threads", "arguments": {}},
}

USE = """
from backscroll.stdio.sdk_import import PACKAGES, postpone
postpone()
import sys
import mcp.types
import mcp.server.lowlevel
assert [name for name in PACKAGES if "__all__" in vars(sys.modules[name])] == []
assert mcp.server.lowlevel.Server.__module__ == "mcp.server.lowlevel.server"
from mcp import Client
from mcp.server import *
assert Client.__module__ == "mcp.client.client"
assert MCPServer.__module__ == "mcp.server.mcpserver.server"
assert Server is mcp.server.lowlevel.Server is mcp.server.Server
assert not hasattr(mcp, "nonsense")
postpone()
assert mcp.Client is Client
"""


def test_a_page_is_read_without_the_sdks_client_and_its_other_server(tmp_path: Path) -> None:
    messages = [*opening("2025-11-25"), CALL]
    answered, logged = replies_of(
        [sys.executable, "-X", "importtime", "-m", "backscroll"],
        b"".join(line(message) + b"\n" for message in messages),
        sum("id" in message for message in messages),
        environment(tmp_path / "x.db"),
    )

    replies = {reply["id"]: reply for reply in answered}
    assert replies[9]["result"]["structuredContent"]["threads"] == []
    imported = {row.rpartition("|")[2].strip() for row in logged.splitlines()}
    assert "mcp.server.lowlevel.server" in imported
    assert (
        imported & {"cryptography", "mcp.client", "mcp.server.mcpserver", "mcp.server.sse"} == set()
    )


def test_names_of_a_package_whose_init_waits_can_be_used() -> None:
    subprocess.run([sys.executable, "-c", USE], check=True)
