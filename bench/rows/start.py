"""`start`: what a host waits for before it can show the tools."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from bench.figures import Outcome, Row, Track, figure, interleaved, ratio
from bench.host import started
from bench.servers import BACKSCROLL, MCPSERVER, database

ROUNDS: Final = 15


def _milliseconds(command: Sequence[str], environ: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    with started(command, environ) as host:
        host.request("tools/list")
        return (time.perf_counter() - begun) * 1_000


def _measure(track: Track) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="backscroll-bench-") as folder:
        environ = {"BACKSCROLL_DATABASE": database(folder)}
        samples = interleaved(
            {
                "backscroll": partial(_milliseconds, BACKSCROLL, environ),
                "MCPServer, one tool": partial(_milliseconds, MCPSERVER, {}),
            },
            track(ROUNDS, "starting servers"),
        )
    ours, theirs = samples.values()
    return Outcome(
        tuple(figure(name, "ms", values) for name, values in samples.items()),
        (ratio("backscroll by MCPServer", ours, theirs),),
    )


START: Final = Row("start", "from the start of the process to the first tools/list", _measure)
