"""A host waits for the first answer: until then nothing is imported that it does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.product import processes
from tests.server.stdio.host import replies_of

REPORTING: Final = (sys.executable, "-X", "importtime")
OURS: Final = {"backscroll", "backscroll_tools", "msgspec"}
"""Our own packages, and the one that all of them need."""

NEEDED_LATER: Final = {
    "backscroll.store.assistants",
    "backscroll.store.completions",
    "backscroll.store.responses",
    "backscroll.store.search.search_endpoint",
    "backscroll_tools.tools.create_thread",
    "backscroll_tools.tools.list_objects",
    "openai",
    "rich",
}
"""What is imported when it is first used."""

SDK: Final = "import mcp.server.caching, mcp.server.context, mcp.server.lowlevel, mcp.types"
"""What a server on the SDK cannot do without; it brings click and uvicorn along."""


COUNTING_MODELS: Final = """
import atexit, sys
from backscroll.__main__ import main

def report():
    from mcp import types
    models = [each for each in vars(types).values() if hasattr(each, "__pydantic_complete__")]
    print(len(models), sum(each.__pydantic_complete__ for each in models), file=sys.stderr)

atexit.register(report)
main()
"""
"""Starts the server; at its end, it prints how many models the SDK has, and how many were built."""


def modules(report: str) -> set[str]:
    """Return the modules in a report of `-X importtime`."""
    return {
        line.rsplit("|", 1)[1].strip()
        for line in report.splitlines()
        if line.startswith("import time:")
    }


def packages(imported: set[str]) -> set[str]:
    """Return the top-level names of modules, without Python's own."""
    return {name.partition(".")[0] for name in imported} - sys.stdlib_module_names


def answered(
    request: bytes, settings: dict[str, str], folder: Path
) -> tuple[dict[str, Any], set[str]]:
    """Return a fresh server's reply to its first request, and what it has imported by then."""
    report = folder / "imports"
    data = {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
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
            server.stdin.write(request)
            server.stdin.flush()
            reply = json.loads(server.stdout.readline())
            return reply, modules(report.read_text())


@pytest.fixture(scope="module")
def of_the_sdk() -> set[str]:
    """What the SDK imports by itself."""
    command = [*REPORTING, "-c", SDK]
    report = subprocess.run(command, capture_output=True, check=True, text=True).stderr
    return packages(modules(report))


# The tool list of the default settings is ready made; that of others the server makes.
@pytest.mark.parametrize(
    "settings", [{}, {"BACKSCROLL_OUTPUT": "text"}, {"BACKSCROLL_SOURCES": "codex"}]
)
def test_until_the_tools_are_listed_only_the_sdk_and_our_own_modules_are_imported(
    settings: dict[str, str], of_the_sdk: set[str], tmp_path: Path
) -> None:
    reply, imported = answered(processes.LIST_TOOLS, settings, tmp_path)
    assert "list-messages" in [tool["name"] for tool in reply["result"]["tools"]]
    assert packages(imported) - of_the_sdk <= OURS


def test_until_the_first_page_only_what_it_needs_is_imported(tmp_path: Path) -> None:
    call = processes.request(
        "tools/call", name="list-messages", arguments={"thread_id": "thread_1"}
    )
    reply, imported = answered(call, {}, tmp_path)
    assert reply["result"]["content"][0]["text"].startswith("not_found: ")
    assert "backscroll.store.messages" in imported
    assert not imported & NEEDED_LATER
    assert not imported & NEEDED_LATER


def test_of_the_sdks_models_only_those_that_a_session_uses_are_built(tmp_path: Path) -> None:
    call = processes.request(
        "tools/call", name="list-messages", arguments={"thread_id": "thread_1"}
    )
    data = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    command = [sys.executable, "-c", COUNTING_MODELS]
    (reply,), counted = replies_of(command, call, 1, os.environ | data)
    assert reply["result"]["content"][0]["text"].startswith("not_found: ")
    models, built = map(int, counted.split())
    assert 0 < built < models / 5
