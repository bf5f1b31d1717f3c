"""`rate`: how many pages a second a server gives a host that asks for many at once."""

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import Final

from bench.conversations import THREAD_ID, database, fill, numbered
from bench.figures import Outcome, Row, figures, interleaved, ratio
from bench.host import Host, started
from bench.servers import backscroll, fastmcp_openapi, served
from bench.trial import Trial

MESSAGES: Final = 2_000
LIMIT: Final = 20
ROUNDS: Final = 10
CALLS: Final = 320
AT_ONCE: Final = 32

OURS: Final = "Backscroll"
THEIRS: Final = "FastMCP from_openapi"


def _rate(host: Host, tool: str, calls: int) -> float:
    page = {"thread_id": THREAD_ID, "limit": LIMIT}
    return calls / host.flight(calls, AT_ONCE, tool, **page)


def _measure(trial: Trial) -> Outcome:
    calls = trial.size(CALLS, quick=AT_ONCE)
    with database() as url, ExitStack() as stack:
        asyncio.run(fill(url, [numbered(MESSAGES)]))
        store = stack.enter_context(served(url))
        ours = stack.enter_context(started(backscroll(url)))
        theirs = stack.enter_context(started(fastmcp_openapi(store.base_url)))
        contenders = {
            OURS: partial(_rate, ours, "list-messages", calls),
            THEIRS: partial(_rate, theirs, "listMessages", calls),
        }
        for contender in contenders.values():
            contender()  # warms up
        samples = interleaved(contenders, trial.rounds(ROUNDS, f"{AT_ONCE} calls in flight"))
    return Outcome(
        figures("calls/s", samples),
        (ratio("Backscroll by from_openapi", samples[OURS], samples[THEIRS], least=2),),
    )


RATE: Final = Row("rate", f"pages of {LIMIT} a second, {AT_ONCE} calls in flight", _measure)
