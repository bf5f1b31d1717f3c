"""A store's index in memory, to measure the quality of rankings, not their speed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from backscroll_tools.search.query import parse
from backscroll_tools.search.ranking import Candidate, Ranked, best, ranked, weight
from backscroll_tools.search.tokenizer import tokens

POSTINGS: Final = 15_000
"""The rarest words are looked up first, until this many messages with one of them are read."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The parameters of the ranking that can be tuned.

    Attributes:
        length: BM25's b.
        coverage: the fraction of the total weight of a thread's words that its messages get.
    """

    length: float
    coverage: float


@dataclass(slots=True)
class Index:
    """Messages by their tokens; a message's row is its number.

    `_threads` has the number of each message's thread, and `_positions` its number there.
    """

    _threads: list[int] = field(default_factory=list)
    _positions: list[int] = field(default_factory=list)
    _lengths: list[int] = field(default_factory=list)
    _rows: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, thread: int, texts: Sequence[str]) -> None:
        """Add a thread's messages."""
        for position, text in enumerate(texts):
            found = tokens(text)
            row = len(self._lengths)
            for term in found.terms:
                self._rows[term].append(row)
            self._threads.append(thread)
            self._positions.append(position)
            self._lengths.append(found.length)

    def answers(
        self, questions: Iterable[str], ranking: Ranking
    ) -> Iterator[list[tuple[int, int]]]:
        """Yield the hits for each question: the numbers of thread and message, best first."""
        for question in questions:
            found = self.search(question, ranking)
            yield [(self._threads[hit.row], self._positions[hit.row]) for hit in found]

    def search(self, question: str, ranking: Ranking) -> list[Ranked]:
        """Return the best messages for a question, which has only words and no literals."""
        terms = parse(question).terms
        weights = [weight(len(self._lengths), len(self._rows.get(term, ()))) for term in terms]
        bits: defaultdict[int, int] = defaultdict(int)
        read = 0
        for place, term in sorted(enumerate(terms), key=lambda each: -weights[each[0]]):
            rows = self._rows.get(term, [])
            read += len(rows)
            if read > POSTINGS and bits:
                break
            for row in rows:
                bits[row] |= 1 << place
        candidates = (
            Candidate(row, found, self._lengths[row], self._threads[row])
            for row, found in bits.items()
        )
        mean_length = sum(self._lengths) / len(self._lengths)
        return ranked(
            best(candidates, weights),
            weights,
            mean_length,
            length_share=ranking.length,
            coverage_share=ranking.coverage,
        )
