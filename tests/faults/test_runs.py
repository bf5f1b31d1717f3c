"""Runs are started, changed and cancelled once, and responses cancelled, whatever the network does.

As in test_changes, exactly the objects that were named have changed in the end. Some of them had
ended before: these cannot be cancelled, and each call says so.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

import pytest
from starlette.applications import Starlette

from backscroll_tools.client.groups import RESPONSES, RUNS, THREADS
from backscroll_tools.client.profiles import COMPATIBLE, FOUNDRY, Profile
from backscroll_tools.models import JSON
from tests.faults.agents import CALLERS, COUNT, called
from tests.faults.figures import LONG, sized
from tests.loopback import served
from tests.pace import limit_s, paced_s
from tests.upstreams.background import Background
from tests.upstreams.running import Running

WAITS: Final[JSON] = {"looks_s": tuple(map(paced_s, (0.0, 0.01, 0.03))), "underway_s": paced_s(1.0)}
PROFILES: Final[dict[str, Profile]] = {
    "foundry": replace(FOUNDRY, **WAITS),
    "compatible": replace(COMPATIBLE, serves=frozenset({THREADS, RUNS, RESPONSES}), **WAITS),
}
KINDS: Final = tuple(PROFILES) if LONG else ("foundry",)
THREADS_COUNT: Final = 20
"""How many threads have the runs. More than there are agents, so that two agents share some."""

CHANGED: Final[JSON] = {"state": "changed"}
ENDED: Final = ("completed", "failed")


@dataclass(frozen=True)
class Working:
    """The upstream, on a port of this machine."""

    port: int
    running: Running
    background: Background

    def statuses(self) -> dict[str, str]:
        """Return the status of each run and response; `cancelled` also if it is `cancelling`."""
        rows = [*self.running.runs, *self.background.rows.values()]
        return {row["id"]: row["status"].replace("cancelling", "cancelled") for row in rows}


@pytest.fixture
async def working() -> AsyncIterator[Working]:
    """An upstream with twice as many runs and responses as are named, every fifth one ended."""
    running, background = Running(), Background({})
    for number in range(2 * COUNT):
        status = ENDED[number % 2] if number % 5 == 4 else "in_progress"
        running.add(status=status, thread_id=thread_of(number))
        background.rows[f"resp_{number}"] = {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": 1_700_000_000.5,
            "model": "m",
            "background": True,
            "status": status,
            "output": [],
            "metadata": {},
        }
    responses = [*background.routes("/v1"), *background.routes("/v1/openai/v1")]
    async with served(Starlette(routes=[running.route, *responses])) as origin:
        yield Working(int(origin.rpartition(":")[2]), running, background)


def thread_of(number: int) -> str:
    return f"thread_{number % THREADS_COUNT}"


def run_of(number: int) -> JSON:
    """Return the arguments that name a run. Calls name the runs with even numbers."""
    return {"thread_id": thread_of(2 * number), "run_id": f"run_{2 * number + 1}"}


@pytest.mark.timeout(limit_s(sized(quick=30, long=1_800)))
@pytest.mark.parametrize("kind", KINDS)
async def test_each_run_is_started_once(working: Working, seed: int, kind: str) -> None:
    before = {run["id"] for run in working.running.runs}

    def arguments(number: int) -> JSON:
        own = {"idempotency_key": f"order-{number}"} if number % 3 == 0 else {}
        metadata = {"number": str(number)}
        thread = thread_of(number)
        return {"thread_id": thread, "assistant_id": "asst_1", "metadata": metadata, **own}

    tally = await called(working.port, seed, PROFILES[kind], "create-run", arguments)

    made = [run for run in working.running.runs if run["id"] not in before]
    found = {(run["id"], run["thread_id"], run["metadata"]["number"]) for run in made}
    told = {
        (result["run"]["id"], thread_of(number), str(number))
        for number, result in enumerate(tally.results)
    }
    assert len(made) == COUNT, f"seed {seed}"
    assert found == told, f"seed {seed}"
    tally.said("create-run", kind, "0 twice, 0 lost")


@pytest.mark.timeout(limit_s(sized(quick=30, long=1_800)))
@pytest.mark.parametrize("kind", KINDS)
async def test_exactly_the_runs_that_were_named_get_other_metadata(
    working: Working, seed: int, kind: str
) -> None:
    before = working.statuses()

    def arguments(number: int) -> JSON:
        return {**run_of(number), "metadata": CHANGED}

    tally = await called(working.port, seed, PROFILES[kind], "modify-run", arguments)

    named = {run_of(number)["run_id"] for number in range(COUNT)}
    assert {run["id"]: run["metadata"] for run in working.running.runs} == {
        run["id"]: CHANGED if run["id"] in named else {} for run in working.running.runs
    }, f"seed {seed}"
    assert working.statuses() == before
    tally.said("modify-run", kind, "0 lost, 0 others changed")


@pytest.mark.timeout(limit_s(sized(quick=30, long=1_800)))
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", ["cancel-run", "cancel-response"])
async def test_exactly_what_was_named_and_had_not_ended_is_cancelled(
    working: Working, seed: int, tool: str, kind: str
) -> None:
    before = working.statuses()

    def arguments(number: int) -> JSON:
        return run_of(number) if tool == "cancel-run" else {"response_id": f"resp_{2 * number}"}

    tally = await called(
        working.port, seed, PROFILES[kind], tool, arguments, final={"invalid_arguments"}
    )

    named = [next(reversed(arguments(number).values())) for number in range(COUNT)]
    active = {each for each in named if before[each] not in ENDED}
    expected = {each: "cancelled" if each in active else before[each] for each in before}
    assert working.statuses() == expected, f"seed {seed}"
    assert {
        each for each, result in zip(named, tally.results, strict=True) if "refused" not in result
    } == active, f"seed {seed}"
    tally.said(tool, kind, "0 lost, 0 others cancelled, 0 said to be cancelled that had ended")


assert THREADS_COUNT > CALLERS
