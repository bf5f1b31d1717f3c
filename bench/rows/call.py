"""`call`: one page of a conversation, from a host's line to the server's, over stdio."""

import asyncio
from contextlib import ExitStack
from functools import partial
from statistics import median
from typing import Final

from bench.conversations import THREAD_ID, database, fill, numbered
from bench.figures import Outcome, Row, figures, percentile, ratio
from bench.host import started
from bench.servers import MCPSERVER, backscroll, fastmcp_openapi, served
from bench.trial import Trial

MESSAGES: Final = 2_000
LIMIT: Final = 20
ROUNDS: Final = 30
CALLS: Final = 20
"""Calls of each server a round."""

OURS: Final = f"Backscroll, a page of {LIMIT}"
OPENAPI: Final = f"FastMCP from_openapi, a page of {LIMIT}"
ECHO: Final = "MCPServer, a tool that does nothing"


def _measure(trial: Trial) -> Outcome:
    page = {"thread_id": THREAD_ID, "limit": LIMIT}
    samples: dict[str, list[list[float]]] = {OURS: [], OPENAPI: [], ECHO: []}
    with database() as url, ExitStack() as stack:
        asyncio.run(fill(url, [numbered(MESSAGES)]))
        store = stack.enter_context(served(url))
        ours = stack.enter_context(started(backscroll(url)))
        openapi = stack.enter_context(started(fastmcp_openapi(store.base_url)))
        echo = stack.enter_context(started(MCPSERVER))
        calls = {
            OURS: partial(ours.seconds, "list-messages", **page),
            OPENAPI: partial(openapi.seconds, "listMessages", **page),
            ECHO: partial(echo.seconds, "echo", text="x"),
        }
        shown = ours.call("list-messages", **page)["structuredContent"]["messages"]
        listed = openapi.call("listMessages", **page)["structuredContent"]["data"]
        if [each["id"] for each in shown] != [each["id"] for each in listed]:
            raise RuntimeError("the pages that are compared are not the same")
        for call in calls.values():
            for _ in range(CALLS):
                call()  # warms up
        for _ in trial.rounds(ROUNDS, "calling tools"):
            for name, call in calls.items():
                samples[name].append([call() * 1_000 for _ in range(CALLS)])
    p50 = {f"{name}: p50": [median(each) for each in rounds] for name, rounds in samples.items()}
    p95 = {
        f"{name}: p95": [percentile(each, 95) for each in rounds]
        for name, rounds in samples.items()
    }
    return Outcome(
        figures("ms", p50 | p95),
        tuple(
            ratio(
                f"{share}: Backscroll by {short}",
                found[f"{OURS}: {share}"],
                found[f"{peer}: {share}"],
                most=most,
            )
            for short, peer, most in (("from_openapi", OPENAPI, 0.5), ("MCPServer", ECHO, 2.5))
            for share, found in (("p50", p50), ("p95", p95))
        ),
    )


CALL: Final = Row("call", f"a page of {LIMIT} messages over stdio, p50 and p95", _measure)
