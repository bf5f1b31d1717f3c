"""The official suites: fixture tools on our runtime, and the product where they are about it."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Final

import pytest

from backscroll.http.dispatch import Dispatcher
from tests.clients import nodejs
from tests.conformance.fixture import fixture_server
from tests.conformance.sessions import ExchangeInSessions
from tests.http.serving import LEGACY, MODERN, running, settings_of

HERE: Final = Path(__file__).parent
FROZEN: Final = "2025-11-25, frozen"
NEWEST: Final = nodejs.MODULES / "@modelcontextprotocol" / "conformance"
SUITES: Final = {
    LEGACY: (nodejs.MODULES / "conformance-2025", "--suite", "all"),
    FROZEN: (NEWEST, "--requirements", LEGACY),
    MODERN: (NEWEST, "--requirements", MODERN),
}
"""The suite of each revision's own time, and what today's requires of the older revision."""
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


# Logs of a server are deprecated in 2026-07-28, and one of the things that the suites ask about.
of_logs = pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning")


async def hold_to_suite(url: str, suite: str, folder: Path, expected: Path | None = None) -> str:
    """Run a suite against a server and return its summary.

    Args:
        url: of the server.
        suite: which, of `SUITES`.
        folder: where the suite leaves its results.
        expected: what is known to fail. The suite holds that nothing else fails, and all of that.

    Raises:
        subprocess.CalledProcessError: it does not hold.
    """
    package, *what = SUITES[suite]
    baseline = ("--expected-failures", expected) if expected else ()
    command = (package / "dist" / "index.js", "server", "--url", url, *what, *baseline)
    said = await asyncio.to_thread(nodejs.run, *command, "--output-dir", folder)
    return said.partition("=== SUMMARY ===")[2]


async def failures(
    exchange: Dispatcher, suite: str, folder: Path, expected: Path | None = None
) -> set[str]:
    """Return the scenarios that the fixture server fails, which are all that a suite expects."""
    async with running(settings_of(folder), dispatcher=exchange) as server:
        summary = await hold_to_suite(server.url, suite, folder, expected)
    results = RESULT.findall(summary)
    assert results
    return {name for mark, name in results if mark == "✗"}


@of_logs
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
    exchange = Dispatcher(fixture_server(), streams=lambda _: True)
    expected = HERE / "stateless-2025-11-25.yml" if era == LEGACY else None

    assert await failures(exchange, era, tmp_path, expected) == unsupported


@of_logs
async def test_our_runtime_conforms_in_full_where_a_server_has_sessions(tmp_path: Path) -> None:
    exchange = ExchangeInSessions(fixture_server())

    assert await failures(exchange, FROZEN, tmp_path) == set()


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
