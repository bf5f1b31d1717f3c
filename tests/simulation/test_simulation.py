"""No schedule of faults, cancellations and concurrent calls breaks a promise."""

import asyncio

import anyio
import pytest

from tests.faults.figures import sized
from tests.simulation import clock
from tests.simulation.seeds import run_seed

SEEDS = sized(quick=100, long=10_000)
BLOCK = 50


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_schedule_of_faults_breaks_a_promise(first: int) -> None:
    broken = {
        f"python -m tests.simulation {seed}": report.violations
        for seed in range(first, first + BLOCK)
        if (report := run_seed(seed)).violations
    }
    assert broken == {}


def test_a_seed_is_replayed_step_by_step() -> None:
    one, other = run_seed(7), run_seed(7)
    assert [line.split()[:2] for line in one.log] == [line.split()[:2] for line in other.log]
    assert (one.endings, one.requests) == (other.endings, other.requests)


def test_time_passes_only_while_everything_waits() -> None:
    async def sleeps() -> tuple[float, float]:
        with anyio.move_on_after(3_600):
            await anyio.sleep_forever()
        return anyio.current_time(), asyncio.get_running_loop().time()

    assert clock.run(sleeps()) == (3_600, 3_600)


def test_what_waits_for_nothing_is_found_out() -> None:
    with pytest.raises(clock.StuckError):
        clock.run(anyio.sleep_forever())
