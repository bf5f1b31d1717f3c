"""Replay one seed, or run many: `python -m tests.simulation SEED`, `… --seeds 10000`."""

import argparse
import sys
import time
from collections import Counter

from tests.faults.figures import record
from tests.simulation.seeds import run_seed


def main() -> int:
    """Print the results of the seeds; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int, nargs="?", help="the seed to replay, with its log")
    parser.add_argument("--seeds", type=int, default=0, help="how many seeds to run, from 0")
    asked = parser.parse_args()
    if asked.seed is not None:
        report = run_seed(asked.seed)
        sys.stdout.write("\n".join((*report.log, *report.violations, "")))
        return 1 if report.violations else 0
    started = time.monotonic()
    endings: Counter[str] = Counter()
    letters = requests = 0
    broken: Counter[int] = Counter()
    for seed in range(asked.seeds):
        report = run_seed(seed)
        endings += report.endings
        letters += report.letters
        requests += report.requests
        if report.violations:
            broken[seed] = len(report.violations)
            sys.stdout.write(f"seed {seed}: {'; '.join(report.violations)}\n")
    seconds = time.monotonic() - started
    unknown = endings["outcome_unknown"]
    result = (
        f"{asked.seeds:,} seeds, {letters:,} messages to write, {endings.total():,} calls, "
        f"{requests:,} requests, {unknown:,} outcome_unknown: {broken.total()} violations"
    )
    sys.stdout.write(
        f"{result} in {len(broken)} seeds, {seconds:.1f} s\n{dict(endings.most_common())}\n"
    )
    record("simulation of client, walk and retry on an injected clock", result)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
