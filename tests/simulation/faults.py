"""The fault of each request, drawn in order from a seeded generator."""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

LATE_S: Final = 300.0
"""The maximum time before a delayed request is carried out, in seconds."""

LISTED_LATE_S: Final = 60.0
"""The maximum time until lists show a write, in seconds (a live upstream took 32.7)."""

Answer: TypeAlias = Literal["honest", "unsent", "reset", "silence", "cut", "garbage"] | int

_WEIRD: Final[tuple[Answer, ...]] = ("cut", "garbage")
_REFUSED: Final = (400, 401, 403, 408, 409, 425, 429, 429, 429, 503)
_DONE: Final = (500, 500, 503)
"""Statuses after which nothing more happens; the request may have been carried out before."""

_GAVE_UP: Final = (502, 504)
"""Statuses of a proxy, after which the upstream may still be at work."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The outcome of one request.

    Attributes:
        answer: what the client sees: an honest reply, an HTTP status, or a network failure.
        acts_s: seconds until the upstream carries it out; None for never.
        answers_s: seconds until the client sees the reply.
        listed_s: seconds from carrying it out until lists show the write.
        retry_after: the `Retry-After` of a refusal; empty for none.
    """

    answer: Answer
    acts_s: float | None
    answers_s: float
    listed_s: float = 0.0
    retry_after: str = ""


class Forecast(Protocol):
    """The outcomes of requests, one after another."""

    @property
    def rng(self) -> random.Random:
        """The only source of chance."""
        ...

    def next(self) -> Fault:
        """Return what becomes of the next request."""
        ...


@dataclass(slots=True)
class Weather:
    """How often requests fail, and in which ways.

    Attributes:
        rng: the only source of randomness.
        storm: the share of requests that do not get a prompt and honest reply; 0 to 1.
        late_lists: whether lists may show writes late.
        kept: the numbers of the requests that may fail, from 0; None for all.
        failed: the numbers of the requests that have failed so far.
    """

    rng: random.Random
    storm: float
    late_lists: bool
    kept: Collection[int] | None = None
    failed: list[int] = field(default_factory=list)
    _asked: int = 0

    def next(self) -> Fault:
        """Return what becomes of the next request."""
        prompt = self.rng.random() * 0.2
        fault = self._drawn(prompt)
        number, self._asked = self._asked, self._asked + 1
        if fault == Fault("honest", prompt, prompt):
            return fault
        # What is drawn depends on all that was drawn before, so it is drawn in any case.
        if self.kept is not None and number not in self.kept:
            return Fault("honest", prompt, prompt)
        self.failed.append(number)
        return fault

    def _drawn(self, prompt: float) -> Fault:
        rng = self.rng
        listed_s = 0.0
        if self.late_lists and rng.random() < 0.3:
            listed_s = rng.choice((0.3, 2.0, 10.0, LISTED_LATE_S)) * rng.random()
        if rng.random() >= self.storm:
            return Fault("honest", prompt, prompt, listed_s)
        answers_s = rng.choice((prompt, prompt, rng.random() * 20))
        at_any_time = rng.choice((None, prompt, rng.random() * 40, rng.random() * LATE_S))
        before = rng.choice((None, answers_s * rng.random()))
        slow, weird = rng.random() * 90, rng.choice(_WEIRD)
        return rng.choice(
            (
                Fault("honest", slow, slow, listed_s),
                Fault("unsent", None, answers_s),
                Fault("reset", at_any_time, answers_s, listed_s),
                Fault("reset", at_any_time, answers_s, listed_s),
                Fault("silence", at_any_time, answers_s, listed_s),
                Fault(rng.choice(_DONE), before, answers_s, listed_s),
                Fault(rng.choice(_GAVE_UP), at_any_time, answers_s, listed_s),
                Fault(rng.choice(_REFUSED), None, answers_s, 0.0, self._retry_after()),
                Fault(weird, prompt, prompt, listed_s),
                Fault(weird, prompt, prompt, listed_s),
            )
        )

    def _retry_after(self) -> str:
        return self.rng.choice(("", "", "1", "7", "120", "-1", "0", "soon", "9" * 30))
