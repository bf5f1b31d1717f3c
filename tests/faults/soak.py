"""The long profile: every promise at its full size, and docs/reliability.md with what came of it.

python -m tests.faults.soak                 all parts
python -m tests.faults.soak creates kill    some
BACKSCROLL_TEST_SEEDS=500 python -m tests.faults.soak simulation-whole    500 seeds, not 10,000
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests import chance, pace
from tests.faults.figures import FILE

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- what `make soak` found: begin -->"
END: Final = "<!-- end -->"
HEAD: Final = ("| What | Result | Command | Date |", "| --- | --- | --- | --- |")


@dataclass(frozen=True)
class Part:
    """A part of the profile: a command that records its figures, and a tool that it may need.

    What the command writes to stderr is shown at once if `shows_progress` is true.
    """

    name: str
    command: tuple[str, ...]
    needs: str = ""
    profile: str = "long"
    shows_progress: bool = False


def _tests(name: str, *selected: str, profile: str = "long") -> Part:
    # A search at full size takes minutes in a single test.
    options = ("--quiet", "--no-header", "--override-ini", "timeout=1800")
    return Part(name, ("-m", "pytest", *options, *selected), profile=profile)


PARTS: Final = (
    _tests("creates-store", "tests/faults/test_creates.py", "-k", "once and store"),
    _tests("creates-threads", "tests/faults/test_creates.py", "-k", "once and threads"),
    _tests("creates-conversations", "tests/faults/test_creates.py", "-k", "once and conversations"),
    _tests("changes", "tests/faults/test_changes.py"),
    _tests("runs", "tests/faults/test_runs.py"),
    _tests("sessions", "tests/faults/test_sessions.py"),
    _tests("official", "tests/faults/test_creates.py", "-k", "official"),
    _tests("kill", "tests/faults/test_kill.py"),
    _tests("recorder", "tests/faults/test_recorder.py"),
    _tests("replicas", "tests/faults/test_replicas.py"),
    _tests("failover", "tests/faults/test_failover.py"),
    Part("pooler", ("-m", "tests.faults.pooler")),
    _tests("deadline", "tests/faults/test_deadline.py"),
    _tests("bodies", "tests/faults/test_bodies.py"),
    _tests("large", "tests/product/test_large_content.py"),
    _tests("surplus", "tests/faults/test_surplus.py"),
    _tests("search", "tests/store/search/test_kill.py"),
    _tests("sync", "tests/faults/test_sync.py"),
    _tests("leaks", "tests/faults/test_leaks.py"),
    _tests("hostile", "tests/faults/test_hostile.py"),
    _tests("clients", "tests/http/test_other_clients.py"),
    _tests("dataset", "tests/product/test_walk_dataset.py"),
    _tests(
        "walks",
        "tests/product/test_walk_under_change.py",
        "tests/product/test_lists_under_change.py",
        "tests/product/test_budget.py",
    ),
    _tests("clocks", "tests/store/test_clocks.py"),
    Part("fuzzer", ("-m", "tests.faults.fuzzer"), needs="mcp_fuzzer"),
    Part("load", ("-m", "tests.faults.load")),
    Part("page", ("-m", "tests.app_page.large_store")),
    Part("simulation", ("-m", "tests.simulation"), shows_progress=True),
    Part("simulation-whole", ("-m", "tests.simulation.whole"), shows_progress=True),
    _tests(
        "random",
        "tests/simulation/test_random_calls.py",
        "tests/simulation/test_random_replies.py",
    ),
    _tests("examples", "tests", "-m", "hypothesis", "--numprocesses", "auto", profile="fresh"),
    Part("mutation", ("-m", "tests.simulation.mutation"), needs="mutmut"),
)


def main() -> int:
    """Run the named parts, or all; return 1 if a promise was broken."""
    wanted = set(sys.argv[1:])
    names = [part.name for part in PARTS]
    if unknown := wanted - set(names):
        sys.stderr.write(f"no such part: {', '.join(unknown)}; there are {', '.join(names)}\n")
        return 2
    os.environ.setdefault(chance.VARIABLE, str(chance.drawn()))
    seed = f"{chance.VARIABLE}={os.environ[chance.VARIABLE]}"
    sys.stdout.write(f"{seed} brings this run back; slowness {pace.SLOWNESS:g}\n")
    parts = [part for part in PARTS if part.name in wanted or (not wanted and _is_ready(part))]
    failed: list[str] = []
    for at, part in enumerate(parts, 1):
        sys.stdout.write(f"[{at}/{len(parts)}] {part.name:<22} ")
        sys.stdout.flush()
        started = time.monotonic()
        figures, printed, held = _run(part)
        sys.stdout.write(f"{'held' if held else 'BROKEN'} in {time.monotonic() - started:.0f} s\n")
        for what, result in figures.items():
            sys.stdout.write(f"      {what}: {result}\n")
        if held:
            _publish(part, figures)
        else:
            failed.append(part.name)
            sys.stdout.write(printed)
    sys.stdout.write(f"broken: {', '.join(failed)}\n" if failed else f"{PAGE.name} is up to date\n")
    return 1 if failed else 0


def _is_ready(part: Part) -> bool:
    """Return whether the tool that a part needs is installed; if not, the part is skipped."""
    if not part.needs or importlib.util.find_spec(part.needs) is not None:
        return True
    sys.stdout.write(f"{part.name} is left out: pip install {part.needs}\n")
    return False


def _run(part: Part) -> tuple[dict[str, str], str, bool]:
    """Run a part; return its figures by subject, its output, and whether it passed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.jsonl"
        file.touch()
        environ = {**os.environ, "BACKSCROLL_TEST_PROFILE": part.profile, FILE: str(file)}
        done = subprocess.run(
            [sys.executable, *part.command],
            cwd=ROOT,
            env=environ,
            check=False,
            stdout=subprocess.PIPE,
            stderr=None if part.shows_progress else subprocess.STDOUT,
            encoding="utf-8",
        )
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    figures: dict[str, str] = {line["what"]: line["result"] for line in lines}
    return figures, done.stdout, done.returncode == 0


def _publish(part: Part, figures: dict[str, str]) -> None:
    """Replace a part's figures in the page."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    rows = {
        row.split(" | ")[0].removeprefix("| "): row
        for row in table.strip().splitlines()[len(HEAD) :]
    }
    today = datetime.now(UTC).date().isoformat()
    for what, result in figures.items():
        said = result.replace("|", "\\|")
        rows[what] = f"| {what} | {said} | `make soak PARTS={part.name}` | {today} |"
    table = "\n".join((BEGIN, "", *HEAD, *rows.values(), "", END))
    PAGE.write_text(before + table + after, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
