"""Ranks the messages that a search found.

A message ranks higher if it contains rarer words of the query, if it is shorter, and if its thread
contains more of the words. The ranks are computed from numbers in an index, without reading any
text. There are two steps:

1. `best` selects the candidates whose words have the highest total weight.
2. `ranked` computes a score for each of them. The first part of the score is the BM25 score of a
   message in which each word occurs once (Robertson and Zaragoza, "The Probabilistic Relevance
   Framework: BM25 and Beyond", 2009). The second part is a fraction of the total weight of all
   words that occur in candidates of the same thread.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from heapq import nlargest
from math import log
from typing import Final, NamedTuple

BEST: Final = 200
"""The maximum number of candidates that are scored."""
SATURATION: Final = 1.2
"""The parameter k1 of BM25. Here it only sets how much the length of a message affects its score.
"""
LENGTH: Final = 0.3
"""The parameter b of BM25: with 0, the length of a message is ignored; with 1, it counts fully."""
COVERAGE: Final = 0.4
"""The fraction of a thread's weight that is added to the scores of its messages. The weight of a
thread is the total weight of the query's words that occur in the candidates of this thread."""
RARER: Final = 1 / 3
"""A word is one of the rarer words if its weight is at least this fraction of the greatest weight.
"""
MEANING: Final = 1.0
"""The factor by which a semantic score, from -1 to 1, is multiplied before it is added to the score
of the words. For comparison: if a message of average length contains all words, the BM25 part of
its score is 1."""


class Candidate(NamedTuple):
    """A message that an index found.

    Attributes:
        row: the id of the message's row; higher for newer messages.
        bits: the query's words that the message contains, as a bit mask: bit `1 << n` is set if
            it contains the n-th word.
        length: the message's number of words.
        thread: a value that identifies the message's thread.
    """

    row: int
    bits: int
    length: int
    thread: Hashable


class Ranked(NamedTuple):
    """The score of one message. Of two messages with the same score, the newer one ranks first.

    Attributes:
        score: the score; a higher score ranks before a lower one.
        row: the id of the message's row.
    """

    score: float
    row: int


def weight(messages: int, having: int) -> float:
    """Return the weight of a word: its inverse document frequency, as in BM25.

    Args:
        messages: the number of messages in the index.
        having: the number of messages that contain the word.
    """
    return log(1 + max(messages - having + 0.5, 0.5) / (having + 0.5))


def rarer(words: Iterable[int], weights: Sequence[float]) -> list[int]:
    """Return the given words whose weight is at least `RARER` times the greatest of their weights.

    Args:
        words: the indexes in `weights` of words that occur in at least one message.
        weights: the weights of all words of the query.
    """
    found = list(words)
    least = RARER * max((weights[each] for each in found), default=0.0)
    return [each for each in found if weights[each] >= least]


def best(
    candidates: Iterable[Candidate], weights: Sequence[float], limit: int = BEST
) -> list[Candidate]:
    """Return the candidates with the highest total weights; of equal ones, the newer one first.

    Args:
        candidates: the messages that an index found.
        weights: the weights of the words, in the order of their bits.
        limit: the maximum number of candidates to return.
    """
    total = _totals(weights)
    return nlargest(limit, candidates, key=lambda each: (total(each.bits), each.row))


def ranked(  # noqa: PLR0913 - benchmarks set the last two arguments
    candidates: Sequence[Candidate],
    weights: Sequence[float],
    mean_length: float,
    meanings: Mapping[int, float] | None = None,
    *,
    length_share: float = LENGTH,
    coverage_share: float = COVERAGE,
) -> list[Ranked]:
    """Return the candidates in order of rank.

    Args:
        candidates: the messages to rank.
        weights: the weights of the words, in the order of their bits.
        mean_length: the mean number of words of the messages in the index.
        meanings: semantic scores by row, from -1 to 1; a missing row has a score of 0.
        length_share: the parameter b of BM25 (`LENGTH`).
        coverage_share: the fraction of a thread's weight that is added to the scores of its
            messages (`COVERAGE`).
    """
    total = _totals(weights)
    threads: defaultdict[Hashable, int] = defaultdict(int)
    for each in candidates:
        threads[each.thread] |= each.bits
    maximum = sum(weights) or 1.0
    constant = SATURATION * (1 - length_share)
    slope = SATURATION * length_share / max(mean_length, 1.0)
    order = [
        Ranked(
            (
                total(bits) * (1 + SATURATION) / (1 + constant + slope * length)
                + coverage_share * total(threads[thread])
            )
            / maximum,
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
            found = sum(weight for bit, weight in enumerate(weights) if bits >> bit & 1)
            known[bits] = found
        return found

    return total
