"""Runs are read page by page, and each is started once, whatever happens to the replies."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backscroll_tools.arguments import validated
from backscroll_tools.client.client import Client
from backscroll_tools.client.groups import RUNS, THREADS
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Call
from tests.faults.figures import sized
from tests.tools.keyless import (
    FAILED,
    GONE,
    LOST,
    REFUSED,
    REFUSED_YET_DONE,
    UNDERWAY_S,
    WRONG,
    Deed,
)
from tests.upstreams.running import THREAD, Running

CLASSIC: Final = replace(
    COMPATIBLE, serves=frozenset({THREADS, RUNS}), looks_s=(0.0, 0.0), trusts_has_more=True
)
START: Final[JSON] = {"thread_id": THREAD, "assistant_id": "asst_1"}


@dataclass
class Host:
    """Calls tools on the upstream, by a clock of its own."""

    running: Running
    http: httpx2.AsyncClient
    honours: bool = False
    now: float = 1_700_000_000.0
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Start another process, which remembers nothing."""
        profile = replace(CLASSIC, honours_idempotency_keys=self.honours)
        self.client = Client(
            self.http,
            Upstream(profile, "http://classic.invalid/v1"),
            chance=lambda: 0.0,
            wall=lambda: self.now,
            monotonic=lambda: self.now,
        )

    async def call(self, name: str, /, **arguments: Any) -> JSON:  # noqa: ANN401 - a tool's arguments are JSON
        tool = next(tool for tool in TOOLS if tool.name == name)
        result = await tool.run(Call.begin(self.client), validated(tool, arguments))
        return result.structured

    async def error(self, name: str, /, **arguments: Any) -> ToolError:  # noqa: ANN401 - as above
        with pytest.raises(ToolError) as failed:
            await self.call(name, **arguments)
        return failed.value


@asynccontextmanager
async def host(*, honours: bool = False) -> AsyncIterator[Host]:
    running = Running()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(running.app)) as http:
        yield Host(running, http, honours)


def key_of(error: ToolError) -> str:
    found = re.search(r'idempotency_key "([^"]+)"', error.next_step)
    assert found, error.render()
    return found[1]


async def test_runs_and_their_steps_are_listed_and_read() -> None:
    async with host() as tools:
        for _ in range(30):
            tools.running.add()
        first = await tools.call("list-runs", thread_id=THREAD)
        cursor = first["page"]["next_cursor"]
        second = await tools.call("list-runs", thread_id=THREAD, cursor=cursor)
        oldest = await tools.call("list-runs", thread_id=THREAD, order="asc", limit=1)
        run = await tools.call("get-run", thread_id=THREAD, run_id="run_7")
        of_run: JSON = {"thread_id": THREAD, "run_id": "run_7"}
        steps = await tools.call("list-run-steps", **of_run, limit=500)
        step = await tools.call("get-run-step", **of_run, step_id="step_9")

    runs = [run["id"] for page in (first, second) for run in page["runs"]]
    assert runs == [f"run_{number}" for number in range(30, 0, -1)]
    assert [run["id"] for run in oldest["runs"]] == ["run_1"]
    assert '"assistant_id":"asst_1"' in run["object"]["text"]
    assert len(steps["steps"]) == 25
    assert '"output":"xxxxxxxxx"' in step["object"]["text"]


async def test_a_run_is_started_once_and_marked() -> None:
    async with host() as tools:
        started = await tools.call("create-run", **START, metadata={"topic": "refunds"})

    assert started["run"] == {"id": "run_1", "status": "queued", "assistant_id": "asst_1"}
    assert tools.running.runs[0]["metadata"] == {
        "topic": "refunds",
        "backscroll_key": started["idempotency_key"].split("~")[0],
    }


@pytest.mark.parametrize("deed", [LOST, FAILED, REFUSED_YET_DONE])
async def test_a_run_whose_reply_was_lost_is_found(deed: Deed) -> None:
    async with host() as tools:
        tools.running.deeds = [deed]
        started = await tools.call("create-run", **START)

    assert started["run"]["id"] == "run_1"
    assert len(tools.running.runs) == 1


async def test_a_run_that_may_be_on_its_way_is_not_started_again_before_it_cannot_arrive() -> None:
    async with host() as tools:
        tools.running.deeds = [GONE]
        first = await tools.error("create-run", **START)
        tools.restart()
        again = await tools.error("create-run", **START, idempotency_key=key_of(first))
        assert tools.running.runs == []
        tools.now += UNDERWAY_S + 2
        await tools.call("create-run", **START, idempotency_key=key_of(again))
        await tools.call("create-run", **START, idempotency_key=key_of(again))

    assert (first.code, again.code) == ("outcome_unknown", "outcome_unknown")
    assert "create-run" in first.next_step
    assert "run may have been started" in first.message
    assert len(tools.running.runs) == 1


@settings(max_examples=sized(quick=25, long=500), deadline=None)
@given(
    deeds=st.lists(st.sampled_from([LOST, FAILED, REFUSED, REFUSED_YET_DONE, GONE]), max_size=6),
    restarts=st.booleans(),
)
async def test_a_call_that_is_repeated_with_its_key_starts_one_run(
    deeds: list[Deed], restarts: bool
) -> None:
    async with host() as tools:
        tools.running.deeds = list(deeds)
        arguments: JSON = {**START, "idempotency_key": "k-1"}
        done: JSON | None = None
        codes: set[str] = set()
        for _ in range(12):
            try:
                done = await tools.call("create-run", **arguments)
                break
            except ToolError as error:
                codes.add(error.code)
                if error.code == "outcome_unknown":
                    arguments["idempotency_key"] = key_of(error)
                tools.now += UNDERWAY_S + 2
                if restarts:
                    tools.restart()

    assert done is not None
    assert codes <= {"outcome_unknown", "rate_limited"}
    assert [run["id"] for run in tools.running.runs] == [done["run"]["id"]]


async def test_an_upstream_that_honours_keys_is_sent_the_key() -> None:
    async with host(honours=True) as tools:
        started = await tools.call("create-run", **START, idempotency_key="k-1")

    assert tools.running.keys == ["k-1"]
    assert started["idempotency_key"] == "k-1"


async def test_a_key_of_another_run_and_a_wrong_call_are_refused() -> None:
    async with host() as tools:
        await tools.call("create-run", **START, idempotency_key="k-1")
        other = await tools.error(
            "create-run", thread_id=THREAD, assistant_id="asst_2", idempotency_key="k-1"
        )
        tools.running.deeds = [WRONG]
        wrong = await tools.error("create-run", **START)
        pairs = {f"k{number}": "v" for number in range(16)}
        many = await tools.error("create-run", **START, metadata=pairs)

    assert [error.code for error in (other, wrong, many)] == ["invalid_arguments"] * 3
    assert len(tools.running.runs) == 1


@pytest.mark.parametrize("deeds", [[], [LOST], [FAILED, LOST]])
async def test_a_run_is_cancelled_also_if_the_reply_was_lost(deeds: list[Deed]) -> None:
    async with host() as tools:
        tools.running.add()
        tools.running.deeds = list(deeds)
        cancelled = await tools.call("cancel-run", thread_id=THREAD, run_id="run_1")
        again = await tools.call("cancel-run", thread_id=THREAD, run_id="run_1")

    assert cancelled["run"]["status"] == ("cancelled" if deeds else "cancelling")
    assert again["run"]["status"] == "cancelled"


async def test_a_run_that_has_ended_is_not_cancelled() -> None:
    async with host() as tools:
        tools.running.add(status="completed")
        error = await tools.error("cancel-run", thread_id=THREAD, run_id="run_1")
        missing = await tools.error("cancel-run", thread_id=THREAD, run_id="run_none")

    assert (error.code, missing.code) == ("invalid_arguments", "not_found")
    assert "completed" in error.message
    assert error.next_step == "Only a run that has not ended can be cancelled."


@pytest.mark.parametrize(
    ("tool", "arguments", "doubt"),
    [
        ("cancel-run", {}, "run_1 may have been cancelled"),
        ("modify-run", {"metadata": {"a": "b"}}, "the metadata of run_1 may have been replaced"),
    ],
)
async def test_a_change_that_nothing_confirms_is_unknown_and_can_be_repeated(
    tool: str, arguments: JSON, doubt: str
) -> None:
    async with host() as tools:
        tools.running.add()
        tools.running.deeds = [GONE] * 5
        of_run: JSON = {"thread_id": THREAD, "run_id": "run_1", **arguments}
        error = await tools.error(tool, **of_run)
        await tools.call(tool, **of_run)

    assert error.render() == (
        f"outcome_unknown: The upstream's reply was lost: {doubt}.\n"
        f"Next: Call {tool} again with the same arguments.\n"
        "Retry: safe with the same arguments: repeating the call has no further effect."
    )


async def test_a_run_that_has_ended_is_known_not_to_be_cancelled_although_replies_are_lost() -> (
    None
):
    async with host() as tools:
        tools.running.add(status="completed")
        tools.running.deeds = [GONE] * 5
        error = await tools.error("cancel-run", thread_id=THREAD, run_id="run_1")

    assert error.code == "upstream_unavailable"
    assert "nothing was written" in error.retry


async def test_ids_of_another_kind_are_refused_before_anything_is_sent() -> None:
    async with host() as tools:
        wrong = [
            await tools.error("get-run", thread_id=THREAD, run_id="msg_1"),
            await tools.error("create-run", thread_id=THREAD, assistant_id="run_1"),
            await tools.error("get-run-step", thread_id=THREAD, run_id="run_1", step_id="run_1"),
            await tools.error("cancel-run", thread_id=THREAD),
        ]

    assert {error.code for error in wrong} == {"invalid_arguments"}
    assert wrong[0].message == "run_id is the id of a message, not of a run."
    assert tools.running.asked == []


async def test_the_metadata_of_a_run_is_replaced() -> None:
    async with host() as tools:
        tools.running.add(metadata={"old": "1"})
        tools.running.deeds = [LOST]
        await tools.call("modify-run", thread_id=THREAD, run_id="run_1", metadata={"new": "2"})

    assert tools.running.runs[0]["metadata"] == {"new": "2"}
