"""`first-page`: what an agent waits for when its first call comes as soon as it can."""

import asyncio
import time
from functools import partial
from typing import Final

from bench.conversations import THREAD_ID, database, fill, numbered
from bench.figures import Outcome, Row, figures, interleaved, ratio
from bench.host import Program, started
from bench.servers import MCPSERVER, backscroll
from bench.trial import Trial

MESSAGES: Final = 2_000
LIMIT: Final = 20
ROUNDS: Final = 12

OURS: Final = f"Backscroll, a page of {LIMIT}"
THEIRS: Final = "MCPServer, a tool that does nothing"


def _milliseconds(program: Program, tool: str, arguments: dict[str, object]) -> float:
    begun = time.perf_counter()
    with started(program) as host:
        host.handshake()
        host.call(tool, **arguments)
        return (time.perf_counter() - begun) * 1_000


def _measure(trial: Trial) -> Outcome:
    page = {"thread_id": THREAD_ID, "limit": LIMIT}
    with database() as url:
        asyncio.run(fill(url, [numbered(MESSAGES)]))
        samples = interleaved(
            {
                OURS: partial(_milliseconds, backscroll(url), "list-messages", page),
                THEIRS: partial(_milliseconds, MCPSERVER, "echo", {"text": "x"}),
            },
            trial.rounds(ROUNDS, "starting servers"),
        )
    return Outcome(
        figures("ms", samples),
        (ratio("Backscroll by MCPServer", samples[OURS], samples[THEIRS], most=1.1),),
    )


FIRST_PAGE: Final = Row(
    "first-page", "from the start of the process to the first result of a tool", _measure
)
