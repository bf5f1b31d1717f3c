"""`call`: one page of a conversation, from a host's line to the server's, over stdio."""

import asyncio
import statistics
import tempfile
from typing import Final

from bench.figures import Figure, Outcome, Row, Track, figure, ratio
from bench.host import seconds, started
from bench.servers import BACKSCROLL, MCPSERVER, THREAD_ID, database, fill

MESSAGES: Final = 2_000
LIMIT: Final = 20
ROUNDS: Final = 30
CALLS: Final = 20
"""Calls of each server a round."""

OURS: Final = f"list-messages, {LIMIT} messages"
THEIRS: Final = "MCPServer, a tool that does nothing"


def _measure(track: Track) -> Outcome:
    samples: dict[str, list[float]] = {OURS: [], THEIRS: []}
    with tempfile.TemporaryDirectory(prefix="backscroll-bench-") as folder:
        url = database(folder)
        asyncio.run(fill(url, MESSAGES))
        with (
            started(BACKSCROLL, {"BACKSCROLL_DATABASE": url}) as backscroll,
            started(MCPSERVER, {}) as peer,
        ):
            for number in track(ROUNDS + 1, "calling tools"):
                ours = [
                    seconds(backscroll, "list-messages", thread_id=THREAD_ID, limit=LIMIT) * 1_000
                    for _ in range(CALLS)
                ]
                theirs = [seconds(peer, "echo", text="x") * 1_000 for _ in range(CALLS)]
                if number:  # the first round warms up
                    samples[OURS] += ours
                    samples[THEIRS] += theirs
    return Outcome(
        tuple(each for name, values in samples.items() for each in _figures(name, values)),
        (ratio("list-messages by a tool that does nothing", samples[OURS], samples[THEIRS]),),
    )


def _figures(name: str, values: list[float]) -> tuple[Figure, Figure]:
    """Return the median, and the 95th percentile with its spread from round to round."""
    rounds = [values[start : start + CALLS] for start in range(0, len(values), CALLS)]
    slowest = [statistics.quantiles(each, n=20, method="inclusive")[-1] for each in rounds]
    return figure(f"{name}: p50", "ms", values), figure(f"{name}: p95 of a round", "ms", slowest)


CALL: Final = Row("call", f"a page of {LIMIT} messages over stdio, p50 and p95", _measure)
