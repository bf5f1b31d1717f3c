"""A host waits for the first answer: until then nothing is imported that it does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.product import processes

REPORTING: Final = (sys.executable, "-X", "importtime")
OURS: Final = {"backscroll", "backscroll_tools"}
NEEDED_LATER: Final = {
    "fastjsonschema",
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


@pytest.fixture(scope="module")
def of_the_sdk() -> set[str]:
    """What the SDK imports by itself."""
    command = [*REPORTING, "-c", SDK]
    return packages(subprocess.run(command, capture_output=True, check=True, text=True).stderr)


# The tool list of the default settings is ready made; that of others the server makes.
@pytest.mark.parametrize(
    "settings", [{}, {"BACKSCROLL_OUTPUT": "text"}, {"BACKSCROLL_SOURCES": "codex"}]
)
def test_until_the_tools_are_listed_only_the_sdk_and_our_own_modules_are_imported(
    settings: dict[str, str], of_the_sdk: set[str], tmp_path: Path
) -> None:
    report = tmp_path / "imports"
    data = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    with report.open("wb") as stderr:
        server = subprocess.Popen(
            [*REPORTING, *processes.SERVER[1:]],
            env=os.environ | data | settings,
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
    assert imported - of_the_sdk <= OURS
    assert not imported & NEEDED_LATER
