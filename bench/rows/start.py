"""`start`: what a host waits for before it can show the tools."""

import time
from functools import partial
from typing import Final

from bench.conversations import database
from bench.figures import Outcome, Row, figures, interleaved, ratio
from bench.host import Program, started
from bench.servers import ASSISTANT, FASTMCP, FLOOR, MCPSERVER, NODE, backscroll
from bench.trial import Trial

ROUNDS: Final = 10

OURS: Final = "Backscroll"
FLOORS: Final = "the standard library's floor"
SDKS: Final = "MCPServer, one tool"
NODES: Final = "npm's SDK, one tool"


def _milliseconds(program: Program) -> float:
    begun = time.perf_counter()
    with started(program) as host:
        host.handshake()
        host.request("tools/list")
        return (time.perf_counter() - begun) * 1_000


def _measure(trial: Trial) -> Outcome:
    with database() as url:
        contenders = {
            OURS: backscroll(url),
            FLOORS: FLOOR,
            SDKS: MCPSERVER,
            NODES: NODE,
            "FastMCP, one tool": FASTMCP,
            "mcp-simple-openai-assistant": ASSISTANT,
        }
        samples = interleaved(
            {name: partial(_milliseconds, program) for name, program in contenders.items()},
            trial.rounds(ROUNDS, "starting servers"),
        )
    ours = samples[OURS]
    return Outcome(
        figures("ms", samples),
        (
            ratio("Backscroll by the floor", ours, samples[FLOORS], most=3),
            ratio("Backscroll by MCPServer", ours, samples[SDKS], most=0.1),
            ratio("Backscroll by npm's SDK", ours, samples[NODES], most=1),
        ),
    )


START: Final = Row("start", "from the start of the process to the first list of tools", _measure)
