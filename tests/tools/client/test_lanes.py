"""Requests take turns, and no thread takes them all."""

from collections import Counter

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backscroll_tools.client.lanes import OF_ONE, TOTAL, Lanes
from tests.pace import limit_s

OWNERS = st.lists(st.sampled_from("abcde"), max_size=60)


@given(OWNERS, st.integers(1, 8), st.integers(1, 4))
def test_no_more_are_under_way_than_may_be_and_all_come_through(
    owners: list[str], total: int, of_one: int
) -> None:
    lanes = Lanes(total, of_one)
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()
    done: list[str] = []

    async def request(owner: str) -> None:
        async with lanes.lane(owner):
            now[owner] += 1
            most[owner] = max(most[owner], now[owner])
            most["all"] = max(most["all"], now.total())
            await anyio.lowlevel.checkpoint()
            now[owner] -= 1
        done.append(owner)

    async def all_at_once() -> None:
        async with anyio.create_task_group() as tasks:
            for owner in owners:
                tasks.start_soon(request, owner)

    anyio.run(all_at_once)
    assert sorted(done) == sorted(owners)
    assert most.pop("all", 0) <= total
    assert all(count <= of_one for count in most.values())
    assert not lanes._lanes  # noqa: SLF001 - nothing is kept of an owner that is gone


async def test_one_slow_thread_leaves_room_for_the_others() -> None:
    lanes = Lanes()
    stuck, others = anyio.Event(), 0

    async def slow() -> None:
        async with lanes.lane("slow"):
            await stuck.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(TOTAL * 2):
            tasks.start_soon(slow)
        await anyio.wait_all_tasks_blocked()
        for _ in range(TOTAL - OF_ONE):
            with anyio.fail_after(limit_s(1)):
                async with lanes.lane("quick"):
                    others += 1
        stuck.set()
    assert others == TOTAL - OF_ONE


async def test_a_call_that_is_cancelled_in_the_queue_takes_no_place() -> None:
    lanes = Lanes(1, 1)
    async with lanes.lane("a"):
        with anyio.move_on_after(0):
            async with lanes.lane("a"):
                pytest.fail("there was no room")
    with anyio.fail_after(limit_s(1)):
        async with lanes.lane("a"):
            pass
