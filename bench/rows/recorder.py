"""`recorder`: what the recorder adds to a model server's streams, beside LiteLLM's proxy."""

from collections.abc import Mapping
from contextlib import ExitStack
from statistics import median
from typing import Final

from bench.conversations import database
from bench.figures import Claim, Outcome, Row, Samples, figures
from bench.gateways import litellm, model, relay
from bench.servers import served
from bench.token_stream import Caller
from bench.trial import Trial

ROUNDS: Final = 20
STREAMS: Final = 3
"""Streams of each contender a round, of each kind."""

PACED: Final = (100, 0.002)
"""How many tokens a stream has, and the seconds between two of them."""

FAST: Final = (1_000, 0.0)

ALONE: Final = "the model server alone"
OURS: Final = "Backscroll's recorder in front"
THEIRS: Final = "LiteLLM's proxy in front"
FLOOR: Final = "a bare relay in front"

FIRST: Final = "the first token"
EACH: Final = "a token, from when it is sent"
END: Final = "the end, from when the last token is sent"
SPEED: Final = "a token, of those sent as fast as can be"


def _measure(trial: Trial) -> Outcome:
    samples: dict[str, dict[str, list[float]]] = {
        what: {name: [] for name in (ALONE, FLOOR, OURS, THEIRS)}
        for what in (FIRST, EACH, END, SPEED)
    }
    with ExitStack() as stack:
        url = stack.enter_context(model())
        disk = stack.enter_context(database(durable=True))
        recorder = stack.enter_context(served(disk, "--forward", url, "--record", "all"))
        proxy = stack.enter_context(litellm(url))
        bare = stack.enter_context(relay(url))
        addresses = {ALONE: url, FLOOR: bare, OURS: recorder.base_url, THEIRS: proxy}
        callers = {name: Caller(address) for name, address in addresses.items()}
        for caller in callers.values():
            for kind in (PACED, FAST, PACED):
                caller.stream(*kind)  # warms up
        for number in trial.rounds(ROUNDS, "streaming"):
            for name in list(callers)[:: -1 if number % 2 else 1]:
                for what, value in _round(callers[name]).items():
                    samples[what][name].append(value)
    named = {
        f"{name}: {what}": values
        for what, series in samples.items()
        for name, values in series.items()
    }
    return Outcome(figures("ms", named), tuple(_claims(samples)), (_NOTE,))


_NOTE: Final = (
    f"Completions of {PACED[0]} tokens, {PACED[1] * 1_000:g} ms apart, and of {FAST[0]:,} tokens "
    "as fast as can be, one after the other, each on a new connection. The recorder keeps each in "
    "a durable database before it lets go of the end; LiteLLM keeps none. The bare relay, of "
    "uvicorn and httpx2, passes pieces on, and reads and keeps nothing."
)


def _round(caller: Caller) -> Mapping[str, float]:
    """Return the medians of some streams, in milliseconds."""
    paced = [caller.stream(*PACED) for _ in range(STREAMS)]
    fast = [caller.stream(*FAST) for _ in range(STREAMS)]

    return {
        FIRST: median(each.first_ms for each in paced),
        EACH: median(each.token_ms for each in paced),
        END: median(each.end_ms for each in paced),
        SPEED: median(each.last_ms for each in fast) / FAST[0],
    }


def _added(series: Mapping[str, Samples], name: str) -> list[float]:
    """Return what a contender adds to the model server alone, round by round."""
    return [through - alone for through, alone in zip(series[name], series[ALONE], strict=True)]


def _claims(samples: Mapping[str, Mapping[str, Samples]]) -> list[Claim]:
    found = []
    for what, most in ((FIRST, 2.0), (EACH, None), (END, None), (SPEED, None)):
        for name, short in ((OURS, "Backscroll"), (FLOOR, "the relay"), (THEIRS, "LiteLLM")):
            value = median(_added(samples[what], name))
            bound = most if name == OURS else None
            found.append(Claim(f"{what}: added by {short}", value, most=bound, unit="ms"))
    for what in (EACH, SPEED):
        ours, theirs = (median(_added(samples[what], name)) for name in (OURS, THEIRS))
        name = f"{what}: what Backscroll adds, by what LiteLLM adds"
        found.append(Claim(name, ours / theirs, most=0.05))
    return found


RECORDER: Final = Row(
    "recorder", "streams through the recorder and through LiteLLM's proxy", _measure
)
