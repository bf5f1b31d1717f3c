"""`walk`: every message of many conversations, as one reads them to search or to judge them."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any, Final

from bench.conversations import CHITCHAT, chats, database, fill
from bench.figures import Claim, Outcome, Row, figures, ratio
from bench.host import Host, piped, started
from bench.memory import mebibytes
from bench.servers import backscroll, openai_client, openai_embedded, served
from bench.trial import Trial

SAMPLE: Final = CHITCHAT // 4
ROUND: Final = 128
"""Conversations that each walks in turn."""

LIMIT: Final = 500
MAX_PAGES: Final = 1_000
GROWTH_MIB: Final = 5

OURS: Final = "Backscroll"
THEIRS: Final = "OpenAI's client"
WITHIN: Final = "OpenAI's client, the store within"
STORE: Final = "the store beside OpenAI's client"


def _thread_ids(host: Host) -> list[str]:
    found: list[str] = []
    arguments: dict[str, Any] = {"limit": LIMIT}
    for _ in range(MAX_PAGES):
        page = host.call("list-threads", **arguments)["structuredContent"]
        found += [thread["id"] for thread in page["threads"]]
        if not page["page"]["has_more"]:
            return found
        arguments = {"cursor": page["page"]["next_cursor"], "limit": LIMIT}
    raise RuntimeError("the list of threads does not end")


def _walked(host: Host, thread_ids: Sequence[str]) -> tuple[float, int]:
    """Return how many seconds a walk of threads took, and how many messages it read."""
    messages = 0
    begun = perf_counter()
    for thread_id in thread_ids:
        arguments: dict[str, Any] = {"thread_id": thread_id, "limit": LIMIT}
        for _ in range(MAX_PAGES):
            page = host.call("list-messages", **arguments)["structuredContent"]["page"]
            messages += page["returned"]
            if not page["has_more"]:
                break
            arguments["cursor"] = page["next_cursor"]
    return perf_counter() - begun, messages


def _measure(trial: Trial) -> Outcome:
    number = trial.size(SAMPLE, quick=2 * ROUND, long=CHITCHAT)
    rates: dict[str, list[float]] = {OURS: [], THEIRS: [], WITHIN: []}
    resident: list[float] = []
    walked = 0
    with database() as url, ExitStack() as stack:
        threads = chats(number)
        for _ in trial.track(1, f"importing {number:,} conversations"):
            asyncio.run(fill(url, threads))
        store = stack.enter_context(served(url))
        ours = stack.enter_context(started(backscroll(url)))
        theirs = {
            THEIRS: stack.enter_context(piped(openai_client(store.base_url))),
            WITHIN: stack.enter_context(piped(openai_embedded(url))),
        }
        thread_ids = _thread_ids(ours)
        _walked(ours, thread_ids[:1])
        for client in theirs.values():
            client.exchange(thread_ids[:1])
        for step in trial.track(number // ROUND, f"walking {number:,} conversations"):
            ids = thread_ids[step * ROUND : (step + 1) * ROUND]
            seconds, messages = _walked(ours, ids)
            rates[OURS].append(seconds / messages * 1_000_000)
            for name, client in theirs.items():
                listed = client.exchange(ids)
                if listed["messages"] != messages:
                    raise RuntimeError(f"{messages} messages, and {listed['messages']} listed")
                rates[name].append(listed["seconds"] / messages * 1_000_000)
            resident.append(mebibytes(ours.pid, "VmRSS"))
            walked += messages
        peaks = {
            name: mebibytes(pid, "VmHWM")
            for name, pid in (
                (OURS, ours.pid),
                *((name, client.pid) for name, client in theirs.items()),
                (STORE, store.pid),
            )
        }
    return Outcome(
        figures("µs a message", rates)
        + figures("MiB", {f"{name}: peak memory": [peak] * 2 for name, peak in peaks.items()}),
        (
            ratio("time: Backscroll by OpenAI's client", rates[OURS], rates[THEIRS], most=1),
            ratio(
                "time: Backscroll by it with the store within", rates[OURS], rates[WITHIN], most=1
            ),
            Claim(
                "memory: Backscroll by OpenAI's client with the store within",
                peaks[OURS] / peaks[WITHIN],
                most=1,
            ),
            Claim("memory: Backscroll by OpenAI's client alone", peaks[OURS] / peaks[THEIRS]),
            Claim(
                f"growth of Backscroll from the first {ROUND} conversations to the last",
                resident[-1] - resident[0],
                most=GROWTH_MIB,
                unit="MiB",
            ),
        ),
        (
            f"{walked:,} messages of {number:,} conversations"
            + ("" if number == CHITCHAT else f" of the dataset's {CHITCHAT:,}; `--long` walks all")
            + ". Backscroll has the store within its process.",
        ),
    )


WALK: Final = Row(
    "walk", f"conversations in pages of {LIMIT}, beside OpenAI's client listing them", _measure
)
