"""What a row of the benchmark finds out: figures, and ratios that are held to a bound."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Samples: TypeAlias = Sequence[float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity.

    Attributes:
        name: what was measured.
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
class Ratio:
    """How two series compare, round by round.

    Attributes:
        name: which series by which.
        value: the median of the rounds' ratios.
        bounds: what it must be between; None where it is only told.
    """

    name: str
    value: float
    bounds: tuple[float, float] | None = None

    @property
    def holds(self) -> bool:
        """Whether it is within its bounds."""
        return self.bounds is None or self.bounds[0] <= self.value <= self.bounds[1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row found out."""

    figures: tuple[Figure, ...]
    ratios: tuple[Ratio, ...] = ()


Track: TypeAlias = Callable[[int, str], Iterator[int]]
"""Counts from 0 to below a number, and shows how far it got with what."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to measure.

    Attributes:
        name: as the command line takes it.
        about: one line.
        measure: does it.
    """

    name: str
    about: str
    measure: Callable[[Track], Outcome]


def figure(name: str, unit: str, samples: Samples) -> Figure:
    """Return the median of samples (two or more), and the quartiles around it."""
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return Figure(name, unit, median, low, high, len(samples))


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
    name: str, above: Samples, below: Samples, bounds: tuple[float, float] | None = None
) -> Ratio:
    """Return the median of the ratios of two series, taken round by round."""
    pairs = zip(above, below, strict=True)
    return Ratio(name, statistics.median(over / under for over, under in pairs), bounds)
