"""Run many seeds on all cores, or replay one.

python -m tests.simulation.whole --seeds 10000           seeds 0 to 9,999
python -m tests.simulation.whole 7                       seed 7, with its log
python -m tests.simulation.whole 7 --faults a3:unread=1  seed 7 with these faults and no others
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from tests.simulation.many_seeds import options, reports, show_result
from tests.simulation.shrinking import fewest
from tests.simulation.whole.faults import Fault
from tests.simulation.whole.store import Parts
from tests.simulation.whole.world import run_seed


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the results of the seeds; return 1 if a promise was broken."""
    parser = options("tests.simulation.whole", __doc__)
    parser.add_argument("--faults", nargs="*", type=Fault.parse, help="the only faults of a replay")
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        report = run_seed(asked.seed, asked.faults)
        sys.stdout.write("\n".join((*report.log, *report.violations, "")))
        return 1 if report.violations else 0
    return _run_all(asked)


def shrunk(seed: int, faults: Sequence[Fault], parts: Parts = Parts()) -> list[Fault]:  # noqa: B008 - Parts is frozen
    """Return the fewest of a run's faults with which it still breaks a promise."""
    return fewest(faults, lambda kept: bool(run_seed(seed, kept, parts).violations))


def replay(seed: int, faults: Sequence[Fault]) -> str:
    """Return the command that runs a seed with some faults."""
    return f"python -m tests.simulation.whole {seed} --faults {' '.join(map(str, faults))}".rstrip()


def _run_all(asked: argparse.Namespace) -> int:
    endings: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for report in reports(run_seed, asked):
        endings += report.endings
        counts += Counter(
            messages=report.letters,
            requests=report.requests,
            faults=len(report.faults),
            kills=report.kills,
            violations=len(report.violations),
            broken=bool(report.violations),
        )
        if report.violations:
            command = replay(report.seed, shrunk(report.seed, report.faults))
            sys.stdout.write(f"{'; '.join(report.violations)}\n  {command}\n")
            sys.stdout.flush()
    result = (
        f"{asked.seeds:,} seeds, {counts['messages']:,} messages, {endings.total():,} calls, "
        f"{counts['requests']:,} requests, {counts['faults']:,} faults, {counts['kills']:,} kills, "
        f"{endings['outcome_unknown']:,} outcome_unknown: {counts['violations']} violations"
    )
    what = "simulation of agents, MCP servers, network and store"
    return show_result(what, result, counts["broken"], endings)


if __name__ == "__main__":
    sys.exit(main())
