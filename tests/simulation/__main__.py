"""Replay one seed, or run many on all cores.

python -m tests.simulation --seeds 10000         seeds 0 to 9,999
python -m tests.simulation 7                     seed 7, with its log
python -m tests.simulation 7 --failing 12 40     seed 7, and no other requests may fail
"""

import sys
from collections import Counter
from collections.abc import Sequence

from tests.simulation.many_seeds import options, reports, show_result
from tests.simulation.seeds import Report, run_seed
from tests.simulation.shrinking import fewest
from tests.simulation.upstream import MemoryUpstream


def main() -> int:
    """Print the results of the seeds; return 1 if a promise was broken."""
    parser = options("tests.simulation", __doc__)
    parser.add_argument("--failing", nargs="*", type=int, help="the only requests that may fail")
    asked = parser.parse_args()
    if asked.seed is not None:
        report = run_seed(asked.seed, asked.failing)
        sys.stdout.write("\n".join((*report.log, *report.violations, "")))
        return 1 if report.violations else 0
    endings: Counter[str] = Counter()
    letters = requests = 0
    broken: Counter[int] = Counter()
    for report in reports(run_seed, asked):
        endings += report.endings
        letters += report.letters
        requests += report.requests
        if report.violations:
            broken[report.seed] = len(report.violations)
            sys.stdout.write(f"{'; '.join(report.violations)}\n  {replay(report)}\n")
    result = (
        f"{asked.seeds:,} seeds, {letters:,} messages to write, {endings.total():,} calls, "
        f"{requests:,} requests, {endings['outcome_unknown']:,} outcome_unknown: "
        f"{broken.total()} violations"
    )
    what = "simulation of client, walk and retry on an injected clock"
    return show_result(what, result, len(broken), endings)


def shrunk(report: Report, upstream_class: type[MemoryUpstream] = MemoryUpstream) -> Sequence[int]:
    """Return the fewest requests that must fail so that a run still breaks a promise."""
    return fewest(
        report.failed, lambda kept: bool(run_seed(report.seed, kept, upstream_class).violations)
    )


def replay(report: Report) -> str:
    """Return the command that replays a run that broke a promise, with the fewest faults."""
    numbers = " ".join(map(str, shrunk(report)))
    return f"python -m tests.simulation {report.seed} --failing {numbers}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
