"""`memory`: what a server holds while it waits, and whether that grows with its calls."""

import asyncio
from functools import partial
from statistics import median
from typing import Final

from bench.conversations import THREAD_ID, database, fill, numbered
from bench.figures import Claim, Outcome, Row, figure, figures, interleaved
from bench.host import Program, started
from bench.memory import mebibytes
from bench.servers import MCPSERVER, backscroll
from bench.trial import Trial

MESSAGES: Final = 2_000
LIMIT: Final = 20
ROUNDS: Final = 5
CALLS: Final = 20_000
ALL_CALLS: Final = 100_000
STEPS: Final = 100
AT_ONCE: Final = 4
MORE_MIB: Final = 20
GROWTH_MIB: Final = 5

OURS: Final = "Backscroll, idle after a page"
THEIRS: Final = "MCPServer, idle after a call"


def _idle(program: Program, tool: str, arguments: dict[str, object]) -> float:
    with started(program) as host:
        host.handshake()
        host.call(tool, **arguments)
        return mebibytes(host.pid, "VmRSS")


def _measure(trial: Trial) -> Outcome:
    page: dict[str, object] = {"thread_id": THREAD_ID, "limit": LIMIT}
    calls = trial.size(CALLS, quick=400, long=ALL_CALLS)
    with database() as url:
        asyncio.run(fill(url, [numbered(MESSAGES)]))
        idle = interleaved(
            {
                OURS: partial(_idle, backscroll(url), "list-messages", page),
                THEIRS: partial(_idle, MCPSERVER, "echo", {"text": "x"}),
            },
            trial.rounds(ROUNDS, "starting servers"),
        )
        with started(backscroll(url)) as host:
            resident = []
            for _ in trial.track(STEPS, f"calling {calls:,} times"):
                host.flight(calls // STEPS, AT_ONCE, "list-messages", **page)
                resident.append(mebibytes(host.pid, "VmRSS"))
    return Outcome(
        (*figures("MiB", idle), figure(f"Backscroll, over {calls:,} calls", "MiB", resident)),
        (
            Claim(
                "Backscroll beyond MCPServer",
                median(idle[OURS]) - median(idle[THEIRS]),
                most=MORE_MIB,
                unit="MiB",
            ),
            Claim(
                f"growth from the first {calls // STEPS:,} calls to the last",
                resident[-1] - resident[0],
                most=GROWTH_MIB,
                unit="MiB",
            ),
        ),
        () if calls == ALL_CALLS else (f"`--long` calls {ALL_CALLS:,} times.",),
    )


MEMORY: Final = Row("memory", "what a server holds when idle, and after many calls", _measure)
