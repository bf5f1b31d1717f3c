"""The order of hits: rare words first, then short messages and threads that know the subject.

Everything is computed from numbers that an index keeps; no text is read. Two steps:

1. `best` picks the candidates with the greatest sum of weights of their words.
2. `ranked` scores them: the sum of weights, as BM25 counts a word that occurs once (Robertson and
   Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009), plus a part of the
   weights of all words that candidates of the same thread have.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from heapq import nlargest
from math import log
from typing import Final, NamedTuple

BEST: Final = 200
"""How many candidates are scored."""
SATURATION: Final = 1.2
"""BM25's k1: how much the length of a message matters at all."""
LENGTH: Final = 0.3
"""BM25's b: 0 ignores lengths, 1 counts words by their share of the message."""
COVERAGE: Final = 0.4
"""How much of the weight of its thread's words a message gets."""
MEANING: Final = 1.0
"""The weight of a semantic score, beside a lexical one that is 1 for a message of average length
that has all words."""


class Candidate(NamedTuple):
    """A message that an index found.

    Attributes:
        row: its row's id; greater for newer messages.
        bits: which words it has; the bit `1 << n` stands for the n-th.
        length: its number of words.
        thread: what identifies its thread.
    """

    row: int
    bits: int
    length: int
    thread: Hashable


class Ranked(NamedTuple):
    """A message's place in the order: greater scores first, and newer messages among equal ones."""

    score: float
    row: int


def weight(messages: int, having: int) -> float:
    """Return how much a word tells: its inverse document frequency, as BM25 counts it.

    Args:
        messages: the number of messages in the index.
        having: how many of them have the word.
    """
    return log(1 + max(messages - having + 0.5, 0.5) / (having + 0.5))


def best(
    candidates: Iterable[Candidate], weights: Sequence[float], limit: int = BEST
) -> list[Candidate]:
    """Return the candidates with the greatest sums of weights, newest first among equal ones.

    Args:
        weights: of each word, by the place of its bit.
    """
    total = _totals(weights)
    return nlargest(limit, candidates, key=lambda each: (total(each.bits), each.row))


def ranked(  # noqa: PLR0913 - the last two are for measuring other settings
    candidates: Sequence[Candidate],
    weights: Sequence[float],
    mean_length: float,
    meanings: Mapping[int, float] | None = None,
    *,
    length_share: float = LENGTH,
    coverage_share: float = COVERAGE,
) -> list[Ranked]:
    """Return the candidates' order; 200 take less than 1 ms.

    Args:
        weights: of each word, by the place of its bit.
        mean_length: the mean number of words of the messages in the index.
        meanings: semantic scores by row, from -1 to 1; a row without one counts as 0.
        length_share: BM25's b.
        coverage_share: how much of the weight of its thread's words a message gets.
    """
    total = _totals(weights)
    threads: defaultdict[Hashable, int] = defaultdict(int)
    for each in candidates:
        threads[each.thread] |= each.bits
    whole = sum(weights) or 1.0
    constant = SATURATION * (1 - length_share)
    slope = SATURATION * length_share / max(mean_length, 1.0)
    order = [
        Ranked(
            (
                total(bits) * (1 + SATURATION) / (1 + constant + slope * length)
                + coverage_share * total(threads[thread])
            )
            / whole,
            row,
        )
        for row, bits, length, thread in candidates
    ]
    if meanings:
        order = [Ranked(score + MEANING * meanings.get(row, 0.0), row) for score, row in order]
    return sorted(order, reverse=True)


def _totals(weights: Sequence[float]) -> Callable[[int], float]:
    """Return a function that sums the weights of the words with a bit set."""
    known: dict[int, float] = {}

    def total(bits: int) -> float:
        found = known.get(bits)
        if found is None:
            found = sum(weight for place, weight in enumerate(weights) if bits >> place & 1)
            known[bits] = found
        return found

    return total
