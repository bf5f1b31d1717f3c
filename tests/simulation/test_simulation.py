"""No schedule of faults, cancellations and concurrent calls breaks a promise."""

import asyncio

import anyio
import httpx2
import pytest

from tests.faults.figures import sized
from tests.simulation import clock
from tests.simulation.__main__ import replay, shrunk
from tests.simulation.seeds import run_seed
from tests.simulation.upstream import MemoryUpstream

SEEDS = sized(quick=100, long=10_000)
BLOCK = 50


class Forgets(MemoryUpstream):
    """An upstream that forgets the replies to idempotency keys."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._replies.clear()
        return await super().handle_async_request(request)


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_schedule_of_faults_breaks_a_promise(first: int) -> None:
    broken = {
        replay(report): report.violations
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


def test_a_run_is_replayed_with_the_requests_that_failed() -> None:
    report = run_seed(7)
    again = run_seed(7, report.failed)

    assert again.failed == report.failed != ()
    assert (again.endings, again.requests) == (report.endings, report.requests)
    assert run_seed(7, []).failed == ()


def test_a_broken_promise_is_reduced_to_the_request_that_must_fail() -> None:
    report = run_seed(10, upstream_class=Forgets)
    left = shrunk(report, Forgets)

    assert (len(report.failed), len(left)) == (84, 1)
    assert run_seed(10, left, Forgets).violations
    assert run_seed(10).violations == run_seed(10, [], Forgets).violations == ()
