"""The official suites: fixture tools on our runtime, and the product where they are about it."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from backscroll.http.exchange import Exchange
from tests.clients import nodejs
from tests.conformance.fixture import fixture_server
from tests.http.serving import LEGACY, MODERN, running, settings_of

HERE: Final = Path(__file__).parent
SUITES: Final = {
    LEGACY: (nodejs.MODULES / "conformance-2025", "--suite", "all"),
    MODERN: (nodejs.MODULES / "@modelcontextprotocol" / "conformance", "--requirements", MODERN),
}
RESULT: Final = re.compile(r"^(\S) (\S+): \d+ passed, \d+ failed$", re.MULTILINE)
ELICITATION: Final = {"elicitation-sep1034-defaults", "elicitation-sep1330-enums"}
TASKS: Final = {
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-wire-fields",
}
"""Scenarios of an extension that the SDK does not implement, and that the suite does not score."""


async def hold_to_suite(url: str, era: str, folder: Path, expected: Path | None = None) -> str:
    """Run a suite against a server and return its summary.

    Args:
        url: of the server.
        era: which suite.
        folder: where the suite leaves its results.
        expected: what is known to fail. The suite holds that nothing else fails, and all of that.

    Raises:
        subprocess.CalledProcessError: it does not hold.
    """
    package, *what = SUITES[era]
    baseline = ("--expected-failures", expected) if expected else ()
    command = (package / "dist" / "index.js", "server", "--url", url, *what, *baseline)
    said = await asyncio.to_thread(nodejs.run, *command, "--output-dir", folder)
    return said.partition("=== SUMMARY ===")[2]


# Logs of a server are deprecated in 2026-07-28, and one of the things that a suite asks about.
@pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")
@pytest.mark.parametrize(
    ("era", "unsupported"),
    [
        (LEGACY, {"tools-call-sampling", "tools-call-elicitation", *ELICITATION}),
        (MODERN, TASKS),
    ],
)
async def test_our_runtime_conforms_but_for_sessions_and_tasks(
    era: str, unsupported: set[str], tmp_path: Path
) -> None:
    exchange = Exchange(fixture_server(), streams=lambda _: True)
    async with running(settings_of(tmp_path), exchange=exchange) as server:
        summary = await hold_to_suite(
            server.url, era, tmp_path, HERE / "fixture-2025-11-25.yml" if era == LEGACY else None
        )

    assert {name for mark, name in RESULT.findall(summary) if mark == "✗"} == unsupported


@pytest.mark.parametrize("era", [LEGACY, MODERN])
async def test_the_product_conforms_in_what_it_offers(era: str, tmp_path: Path) -> None:
    async with running(settings_of(tmp_path)) as server:
        summary = await hold_to_suite(server.url, era, tmp_path, HERE / f"product-{era}.yml")

    assert "✓ tools-list" in summary


async def test_the_product_passes_the_checks_of_others(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "mcpcheck", "--strict", "--json", "--probe", "all")
    async with running(settings_of(tmp_path)) as server:
        checker = await asyncio.create_subprocess_exec(
            *command, server.url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await checker.communicate()

    assert checker.returncode == 0, said.decode()
