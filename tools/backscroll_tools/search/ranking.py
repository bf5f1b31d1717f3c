"""Ranks hits: by rare words, then by short messages and by threads that have more of the words.

Everything is computed from numbers in an index; no text is read. There are two steps:

1. `best` picks the candidates whose words have the highest total weight.
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
"""The maximum number of candidates that are scored."""
SATURATION: Final = 1.2
"""BM25's k1: how much the length of a message affects its score."""
LENGTH: Final = 0.3
"""BM25's b: 0 ignores the length of a message, and 1 normalises its score by the whole length."""
COVERAGE: Final = 0.4
"""The fraction of the weight of its thread's words that is added to a message's score."""
MEANING: Final = 1.0
"""The weight of a semantic score. The lexical score of a message of average length that has all
words is 1."""


class Candidate(NamedTuple):
    """A message that an index found.

    Attributes:
        row: the id of the message's row; higher for newer messages.
        bits: which words it has; the bit `1 << n` is set if it has the n-th word.
        length: its number of words.
        thread: identifies its thread.
    """

    row: int
    bits: int
    length: int
    thread: Hashable


class Ranked(NamedTuple):
    """A message's rank: higher scores come first, and newer messages among equal scores."""

    score: float
    row: int


def weight(messages: int, having: int) -> float:
    """Return the weight of a word: its inverse document frequency, as in BM25.

    Args:
        messages: the number of messages in the index.
        having: the number of those messages that have the word.
    """
    return log(1 + max(messages - having + 0.5, 0.5) / (having + 0.5))


def best(
    candidates: Iterable[Candidate], weights: Sequence[float], limit: int = BEST
) -> list[Candidate]:
    """Return the candidates with the highest total weights, newest first if these are equal.

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
    """Return the candidates in order of rank. For 200 candidates, this takes less than 1 ms.

    Args:
        weights: of each word, by the place of its bit.
        mean_length: the mean number of words of the messages in the index.
        meanings: semantic scores by row, from -1 to 1; a row without one counts as 0.
        length_share: BM25's b.
        coverage_share: the fraction of the weight of its thread's words that is added to a
            message's score.
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
    """Return a function that sums the weights of the words whose bits are set."""
    known: dict[int, float] = {}

    def total(bits: int) -> float:
        found = known.get(bits)
        if found is None:
            found = sum(weight for place, weight in enumerate(weights) if bits >> place & 1)
            known[bits] = found
        return found

    return total
