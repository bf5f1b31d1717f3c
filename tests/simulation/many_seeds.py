"""What both simulations share: their options, many seeds on all cores, and the result."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from tests.faults.figures import record

R = TypeVar("R")

SEEDS: Final = "BACKSCROLL_TEST_SEEDS"
"""The variable that says how many seeds to run."""

_SHOWN_S: Final = 10.0
"""The pause between two lines of progress, in seconds."""


def options(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return the options of a simulation: one seed to replay, or how many to run."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    seeds = int(os.environ.get(SEEDS) or 10_000)
    parser.add_argument("seed", type=int, nargs="?", help="the seed to replay, with its log")
    parser.add_argument("--seeds", type=int, default=seeds, help=f"how many; by default {seeds:,}")
    parser.add_argument("--first", type=int, default=0, help="the first of these seeds")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser


def reports(run_seed: Callable[[int], R], asked: argparse.Namespace) -> Iterator[R]:
    """Run the seeds that were asked for, and yield the report of each as soon as it is there.

    Progress goes to stderr.
    """
    started = shown = time.monotonic()
    seeds = range(asked.first, asked.first + asked.seeds)
    with multiprocessing.get_context("spawn").Pool(asked.processes) as pool:
        for done, report in enumerate(pool.imap_unordered(run_seed, seeds, chunksize=4), start=1):
            if (now := time.monotonic()) > shown + _SHOWN_S:
                shown = now
                line = f"{done:,} of {len(seeds):,} seeds in {now - started:.0f} s"
                sys.stderr.write(f"{line}\n")
            yield report


def show_result(what: str, result: str, broken: int, endings: Counter[str]) -> int:
    """Print and record the result of many seeds. Return 1 if a promise was broken, and 0 if not.

    Args:
        what: what was simulated, for docs/reliability.md.
        result: what was done, up to the number of violations.
        broken: the number of seeds that broke a promise.
        endings: how many calls ended in which way.
    """
    sys.stdout.write(f"{result} in {broken} seeds\n{dict(endings.most_common())}\n")
    record(what, result)
    return 1 if broken else 0
