"""Runs mcp-fuzzer, a third-party program that tries to break servers: `make soak PARTS=fuzzer`.

    pip install mcp-fuzzer                               # for this alone: it is no pinned tool

It draws calls of our tools, and messages of both revisions, from a seed. It reports
each call that got no error, so such a call is checked against the tool's schema.
"""

import asyncio
import json
import logging
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

import httpx2
import jsonschema
from prometheus_client.parser import text_string_to_metric_families

from backscroll_tools.registry import TOOLS
from tests.faults.figures import record
from tests.http.serving import LEGACY, MODERN, running, settings_of
from tests.loopback import NO_TLS
from tests.pace import limit_s

JSON = dict[str, Any]

CALLS: Final = 250
MESSAGES: Final = 80
"""The number of messages for each tool in each phase, and for each kind of message."""

ROUNDS: Final = (
    ("--mode", "tools", "--phase", "both", "--runs", str(CALLS)),
    *(
        (
            *("--mode", "protocol", "--protocol-phase", phase, "--spec-schema-version", revision),
            # It stumbles over a schema whose `type` is a list.
            *("--runs-per-type", str(MESSAGES), "--no-spec-guard"),
        )
        for phase in ("realistic", "aggressive")
        for revision in (LEGACY, MODERN)
    ),
)
STATUSES: Final = {"200", "202", "400", "404"}
ROUND_S: Final = limit_s(600)
_SCHEMAS: Final = {tool.name: tool.input_schema for tool in TOOLS}


class Complaints(logging.Handler):
    """Collects a server's log records of level warning and above."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.made: list[str] = []

    def emit(self, entry: logging.LogRecord) -> None:
        """Keep the record."""
        self.made.append(self.format(entry))


async def main() -> int:
    """Run the fuzzer against a server; return 1 if it got the server to misbehave."""
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with running(settings_of(Path(folder), result_chars=200_000)) as server:
            for number, options in enumerate(ROUNDS):
                place = Path(folder) / str(number)
                place.mkdir()
                wrong += await fuzzed(server.url, place, *options)
            statuses, outcomes = await counted(server.origin)
    wrong += [f"status {status}" for status in statuses.keys() - STATUSES]
    wrong += ["internal errors"] * ("internal" in outcomes) + complaints.made
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    if wrong:
        return 1
    said = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    record(
        "random calls and messages to the server over HTTP (mcp-fuzzer)",
        f"{statuses.total():,} requests, {outcomes.total():,} of them calls: {said}; 0 crashes, "
        f"{outcomes['ok']:,} calls accepted, each as its schema allows",
    )
    return 0


async def fuzzed(url: str, place: Path, *options: str) -> list[str]:
    """Run the fuzzer to its end; return the real faults among its findings."""
    fuzzer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mcp_fuzzer", *options, "--protocol", "streamablehttp"),
        *("--endpoint", url, "--seed", "1", "--no-corpus", "--no-network"),
        *("--fs-root", place / "sandbox", "--output-dir", place),
        cwd=place,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(ROUND_S):
        said, _ = await fuzzer.communicate()
    return [said.decode()[-2000:]] if fuzzer.returncode else found_wrong(place)


def found_wrong(place: Path) -> list[str]:
    """Return the real faults in the reports of a run."""
    (results,) = place.glob("sessions/*/*_fuzzing_results.json")
    tools = json.loads(results.read_bytes())["data"].get("tools_tested", [])
    findings = json.loads((place / "findings.json").read_bytes())["findings"]
    return [
        f"{tool['name']}: {count} {kind}"
        for tool in tools
        for kind, count in tool["outcomes"].items()
        if count and kind in {"anomaly", "crashed", "exceptions"}
    ] + [f"{found['target']} accepted: {found}" for found in findings if _is_wrong(found)]


def _is_wrong(found: JSON) -> bool:
    """Return whether a finding is a call that its tool should have refused."""
    if (found["kind"], found["category"]) != ("tool", "accepted_malformed"):
        return False
    judge = jsonschema.Draft202012Validator(_SCHEMAS[found["target"]])
    return not judge.is_valid(found["evidence"]["input"])


async def counted(origin: str) -> tuple[Counter[str], Counter[str]]:
    """Return how many responses a server gave, by status, and how many calls, by outcome."""
    async with httpx2.AsyncClient(verify=NO_TLS, timeout=ROUND_S) as http:
        metrics = (await http.get(f"{origin}/metrics")).raise_for_status().text
    statuses: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            match sample.name:
                case "backscroll_http_responses_total":
                    statuses[sample.labels["status"]] += int(sample.value)
                case "backscroll_calls_total":
                    outcomes[sample.labels["outcome"]] += int(sample.value)
                case _:
                    pass
    return statuses, outcomes


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
