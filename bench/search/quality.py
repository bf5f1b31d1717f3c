"""Measures how often a search finds the right message, and at which rank."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from bench.search.facts import Planted

FIRST: Final = 5
NEAR: Final = 2

Hit: TypeAlias = tuple[int, int]
"""The number of a hit's thread, and of its message in the thread."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares of questions, from 0 to 1.

    Attributes:
        questions: how many were asked.
        s1: the first hit is in the right conversation.
        s5: one of the first five is.
        near5: one of the first five is the right message, or at most two messages from it.
        empty: nothing was found.
    """

    questions: int
    s1: float
    s5: float
    near5: float
    empty: float


def quality(planted: Sequence[Planted], answers: Iterable[Sequence[Hit]]) -> Quality:
    """Return how often questions were answered.

    Args:
        planted: the questions, and where the answer to each is.
        answers: the hits for each question, best first.
    """
    counts = [0, 0, 0, 0]
    for each, hits in zip(planted, answers, strict=True):
        first = hits[:FIRST]
        threads = [thread for thread, _ in first]
        counts[0] += threads[:1] == [each.thread]
        counts[1] += each.thread in threads
        counts[2] += any(
            thread == each.thread and abs(position - each.position) <= NEAR
            for thread, position in first
        )
        counts[3] += not hits
    return Quality(len(planted), *(count / max(len(planted), 1) for count in counts))
