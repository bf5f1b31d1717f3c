"""A key that comes again at a bad moment writes no second message."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import anyio
import httpx2

from backscroll_tools.client.client import Client
from backscroll_tools.client.profiles import COMPATIBLE, Upstream
from backscroll_tools.errors import ToolError
from backscroll_tools.tool import Bounds, Call
from backscroll_tools.tools.create_message import CREATE_MESSAGE
from tests.simulation import clock
from tests.simulation.faults import Fault
from tests.simulation.upstream import EPOCH_S, MemoryUpstream

if TYPE_CHECKING:
    from backscroll_tools.models import JSON

KEYLESS: Final = replace(COMPATIBLE, keeps_metadata=False)
PROMPT: Final = Fault("honest", 0.1, 0.1)
LATE: Final = Fault("silence", 60.0, 0.0)


@dataclass
class Told:
    """Each request fares as told, and those after the last promptly."""

    faults: Iterator[Fault]
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def next(self) -> Fault:
        return next(self.faults, PROMPT)


def test_a_call_that_waits_its_turn_in_vain_forgets_nothing_of_the_one_before_it() -> None:
    upstream = MemoryUpstream(Told(iter((PROMPT, LATE))), honours_keys=False, keeps_metadata=False)
    assert clock.run(_thrice(upstream)) == [
        "outcome_unknown",
        "deadline_exceeded",
        "outcome_unknown",
    ]
    assert [row.value["content"] for row in upstream.lists["thread_a"]] == ["first", "hello"]


async def _thrice(upstream: MemoryUpstream) -> list[str]:
    """Call with one key twice at once, and again a little later; return how the calls ended."""
    endings: list[str] = []
    upstream.add("thread_a", {"role": "user", "content": "first"})
    async with httpx2.AsyncClient(transport=upstream, trust_env=False, timeout=None) as http:
        client = Client(
            http,
            Upstream(KEYLESS, "http://upstream.invalid/v1"),
            chance=lambda: 0.5,
            wall=lambda: EPOCH_S + anyio.current_time(),
            monotonic=anyio.current_time,
        )

        async def call() -> None:
            arguments: JSON = {"thread_id": "thread_a", "role": "user", "content": "hello"}
            arguments["idempotency_key"] = "key-1"
            try:
                await CREATE_MESSAGE.run(Call.begin(client, Bounds(deadline_s=5)), arguments)
                endings.append("done")
            except ToolError as error:
                endings.append(error.code)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            tasks.start_soon(call)
        await anyio.sleep(20)
        await call()
        await anyio.sleep(100)
    return endings
