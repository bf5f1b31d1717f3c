"""A tool call ends in time, whatever is done to its connections."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final, get_args

import pytest

from backscroll_tools.client.client import Client
from backscroll_tools.errors import ErrorCode
from backscroll_tools.models import JSON
from backscroll_tools.registry import TOOLS
from backscroll_tools.tool import Result, Tool
from tests.faults.figures import LONG, record, sized
from tests.faults.plans import FAULTS, PHASES, STATUSES, Fault, Phase, Plan
from tests.faults.proxy import Proxy
from tests.faults.upstream import PROFILES, Kind, Served, call, client_of
from tests.inventory import EVERYTHING, least_calls
from tests.pace import limit_s, paced_s

RUNS: Final = sized(quick=2, long=20)
DEADLINE_S: Final = paced_s(0.3)
MORE_S: Final = limit_s(3.0)
"""How much later than its deadline a call may end, in seconds: enough for a machine that becomes
busy after its speed was measured. It finds calls that do not end."""

CODES: Final = frozenset(get_args(ErrorCode)) - {"internal", "invalid_arguments"}
_slowest: dict[tuple[Fault, Phase], float] = {}


def _calls(thread: str, message: str) -> list[tuple[str, JSON]]:
    return [
        ("list-messages", {"thread_id": thread, "limit": 500}),
        ("create-message", {"thread_id": thread, "role": "user", "content": "more"}),
        ("get-message", {"thread_id": thread, "message_id": message}),
        ("create-message", {"role": "user", "content": "new"}),
        ("list-message-files", {"thread_id": thread, "message_id": message}),
        ("list-threads", {}),
        ("list-chat-completions", {}),
        ("get-chat-messages", {"completion_id": "chatcmpl-1"}),
        ("get-thread", {"thread_id": thread}),
        ("modify-message", {"thread_id": thread, "message_id": message, "metadata": {}}),
        ("delete-message", {"thread_id": thread, "message_id": "msg_1"}),
        ("create-thread", {"messages": [{"role": "user", "content": "first"}]}),
        ("copy-thread", {"thread_id": thread}),
    ]


def _always(plan: Plan) -> Callable[[str, int], Plan]:
    return lambda _method, _number: plan


@pytest.mark.timeout(limit_s(sized(quick=60, long=300)))
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_call_ends_within_its_deadline(served: Served, fault: Fault, phase: Phase) -> None:
    took: list[float] = []

    async def timed(client: Client, name: str, arguments: JSON) -> None:
        started = time.monotonic()
        outcome = await call(client, name, arguments, DEADLINE_S)
        took.append(time.monotonic() - started)
        assert isinstance(outcome, Result) or outcome.code in CODES, outcome

    async def made(run: int, kind: Kind) -> None:
        thread = await served.new("store")
        proxy = Proxy(served.port, strips_keys=kind != "store", delay_s=60.0, drip_s=0.5)
        async with proxy.serving(), client_of(proxy, PROFILES[kind]) as client:
            first = await call(client, "create-message", _calls(thread, "")[1][1], limit_s(10))
            assert isinstance(first, Result), first
            message: str = first.structured["message"]["id"]
            plan = Plan(fault, phase, run / RUNS, STATUSES[run % len(STATUSES)], "")
            proxy.begin(_always(plan))
            # At once: what one call suffers is not to hold up another.
            calls = _calls(thread, message)
            await asyncio.gather(*(timed(client, name, arguments) for name, arguments in calls))

    for run in range(0, RUNS, 2):
        await asyncio.gather(made(run, "store"), made(run + 1, "threads"))
    more_s = 1.0 if LONG else MORE_S  # at full size, what the figure says
    assert max(took) < DEADLINE_S + more_s, (fault, phase, took)
    _slowest[fault, phase] = max(took)
    if len(_slowest) == len(FAULTS) * len(PHASES):
        record(
            "any tool call ends within the deadline + 1 s",
            f"{len(FAULTS)} faults × {len(PHASES)} phases × {RUNS} runs, "
            f"deadline {DEADLINE_S:.1f} s: the slowest call took {max(_slowest.values()):.2f} s",
        )


@pytest.mark.timeout(limit_s(60))
@pytest.mark.parametrize("phase", ["held", "reply"])
async def test_no_tool_waits_longer_for_an_upstream_that_never_answers(
    served: Served, phase: Phase
) -> None:
    deadline_s = paced_s(2.0)  # all tools at once: each must have asked the upstream by then
    took: dict[str, float] = {}

    async def timed(tool: Tool) -> None:
        async with client_of(proxy, EVERYTHING) as client:
            least = next(least_calls(tool.input_schema))
            started = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(deadline_s + MORE_S):
                    outcome = await call(client, tool.name, least, deadline_s)
                    assert isinstance(outcome, Result) or outcome.code in CODES, outcome
            took[tool.name] = time.monotonic() - started

    proxy = Proxy(served.port, plan=_always(Plan("stall", phase, 0.5)))
    async with proxy.serving():
        await asyncio.gather(*map(timed, TOOLS))

    late = {name for name, seconds in took.items() if seconds > deadline_s + MORE_S}
    assert late == set()
    assert len(proxy.seen) >= len(TOOLS)
