"""How often the right message is found, and how soon."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bench.search.facts import Planted
from bench.search.index import Index, Ranking

FIRST: Final = 5
NEAR: Final = 2


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


def quality(index: Index, planted: Iterable[Planted], ranking: Ranking) -> Quality:
    """Ask every question, and return how often it was answered."""
    asked = list(planted)
    counts = [0, 0, 0, 0]
    for each in asked:
        hits = [hit.row for hit in index.search(each.fact.question, ranking)[:FIRST]]
        threads = [index.threads[row] for row in hits]
        counts[0] += threads[:1] == [each.thread]
        counts[1] += each.thread in threads
        counts[2] += any(
            index.threads[row] == each.thread and abs(index.positions[row] - each.position) <= NEAR
            for row in hits
        )
        counts[3] += not hits
    return Quality(len(asked), *(count / max(len(asked), 1) for count in counts))
