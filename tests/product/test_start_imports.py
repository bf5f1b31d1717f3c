"""A host waits for the first answer: until then nothing is imported that it does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.product import processes

OURS: Final = {"backscroll", "backscroll_tools"}
NEEDED_LATER: Final = {
    "aiosqlite",
    "greenlet",
    "jsonschema",
    "openai",
    "platformdirs",
    "rich",
    "sqlalchemy",
}
SDK: Final = "import mcp.server.caching, mcp.server.context, mcp.server.lowlevel, mcp.types"
"""What a server on the SDK cannot do without; it brings click and uvicorn along."""


def packages(report: str) -> set[str]:
    """Return the top-level names in a report of `-X importtime`, without Python's own."""
    modules = {
        line.rsplit("|", 1)[1].strip()
        for line in report.splitlines()
        if line.startswith("import time:")
    }
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names


def test_until_the_tools_are_listed_only_the_sdk_and_our_own_modules_are_imported(
    tmp_path: Path,
) -> None:
    python = [sys.executable, "-X", "importtime"]
    baseline = subprocess.run([*python, "-c", SDK], capture_output=True, check=True, text=True)
    report = tmp_path / "imports"
    environ = processes.variables(f"sqlite:///{tmp_path / 'store.db'}")
    with report.open("wb") as stderr:
        server = subprocess.Popen(
            [*python, *processes.SERVER[1:]],
            env=os.environ | environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        assert server.stdin is not None
        assert server.stdout is not None
        with server:
            server.stdin.write(processes.LIST_TOOLS)
            server.stdin.flush()
            reply = json.loads(server.stdout.readline())
            imported = packages(report.read_text())

    assert "list-messages" in [tool["name"] for tool in reply["result"]["tools"]]
    assert imported - packages(baseline.stderr) <= OURS
    assert not imported & NEEDED_LATER
