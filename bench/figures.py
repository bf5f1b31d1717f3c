"""What a row of the benchmark finds out: figures, and claims about them that hold or do not."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bench.trial import Trial

Samples: TypeAlias = Sequence[float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity.

    Attributes:
        name: what was measured; begins with `Backscroll` where that is what ran.
        unit: of the values.
        median: half of the samples are below.
        low: a quarter of the samples are below.
        high: a quarter of the samples are above.
        count: how many samples there are.
    """

    name: str
    unit: str
    median: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What was promised, and what was found.

    Attributes:
        name: of what; of a ratio, which series by which.
        value: as found; of a ratio, the median of the rounds' ratios.
        least: what it may not be below.
        most: what it may not be above.
        unit: of value and bounds; `×` for a ratio.
    """

    name: str
    value: float
    least: float | None = None
    most: float | None = None
    unit: str = "×"

    @property
    def told(self) -> bool:
        """Whether nothing is promised, and the value only told."""
        return self.least is None and self.most is None

    @property
    def holds(self) -> bool:
        """Whether it is within its bounds."""
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """When figures were measured.

    Attributes:
        date: the day, such as `2026-11-29`.
        commit: the commit that was measured.
        load: the machine's load of the last 1, 5 and 15 minutes when it began.
        processor: the machine's processor; empty if it was not noted, as before 2026-11-30.
    """

    date: str
    commit: str
    load: str
    processor: str = ""

    def __str__(self) -> str:
        where = f", on {self.processor}" if self.processor else ""
        return f"{self.date}, at commit {self.commit}{where}, load {self.load}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row found out.

    Attributes:
        figures: what was measured.
        claims: what is held to a bound.
        notes: what a reader must know: a sample instead of the whole, a peer left out.
        failure: why there is nothing; empty where there is.
        taken: when it was measured; None until it is written down.
    """

    figures: tuple[Figure, ...] = ()
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()
    failure: str = ""
    taken: Taken | None = None

    @property
    def holds(self) -> bool:
        """Whether everything was measured and is within its bounds."""
        return not self.failure and all(claim.holds for claim in self.claims)


class UnmeasuredError(Exception):
    """A row cannot be measured here; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to measure.

    Attributes:
        name: as the command line takes it.
        about: one line.
        measure: does it; raises `UnmeasuredError` where it cannot be done here.
    """

    name: str
    about: str
    measure: Callable[[Trial], Outcome]


def figure(name: str, unit: str, samples: Samples) -> Figure:
    """Return the median of samples (two or more), and the quartiles around it."""
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Figure(name, unit, median, low, high, len(samples))


def figures(unit: str, samples: Mapping[str, Samples]) -> tuple[Figure, ...]:
    """Return a figure of each series."""
    return tuple(figure(name, unit, values) for name, values in samples.items())


def interleaved(
    contenders: Mapping[str, Callable[[], float]], rounds: Iterator[int]
) -> dict[str, list[float]]:
    """Return a sample of each contender a round.

    Each round has every contender, in turn forwards and backwards, so that what the machine does
    meanwhile falls on all of them alike.
    """
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for number in rounds:
        order = list(contenders)[:: -1 if number % 2 else 1]
        for name in order:
            samples[name].append(contenders[name]())
    return samples


def ratio(
    name: str,
    above: Samples,
    below: Samples,
    *,
    least: float | None = None,
    most: float | None = None,
) -> Claim:
    """Return the median of the ratios of two series, taken round by round."""
    pairs = zip(above, below, strict=True)
    return Claim(name, statistics.median(over / under for over, under in pairs), least, most)


def percentile(samples: Samples, percent: int) -> float:
    """Return the value below which a percentage of the samples (two or more) is."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]
