"""Literals: words that are found only as they are written, except for case, accents and width."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self

from backscroll_tools.search.folding import fold
from backscroll_tools.search.tokenizer import inside_word, query_terms, word_end, words_alone

MAX_LITERAL_TERMS: Final = 6
"""The maximum number of a literal's terms that are looked up in an index: the longest ones, which
tend to be rare. The others are looked for in the text."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Words that are found only as they are written.

    A literal begins and ends between words: `"cat"` is not in `concatenate`, but `"bar.py"` is in
    `foo/bar.py:12`, and `"京都"` in `東京都`. Any white space matches any other.

    Attributes:
        said: the literal as it was given.
        terms: different tokens that every text with the literal contains, at most
            `MAX_LITERAL_TERMS`; empty for `"->"`.
    """

    said: str
    terms: tuple[str, ...]
    _pattern: re.Pattern[str] = field(repr=False)

    @classmethod
    def of(cls, said: str) -> Self | None:
        """Return the literal of a text, or None for a text without anything visible."""
        words = fold(said).split()
        if not any(word.strip("\0") for word in words):
            return None
        terms = dict.fromkeys(term.term for term in query_terms(said))
        pattern = re.compile(r"\s+".join(map(re.escape, words)))
        longest = sorted(terms, key=len, reverse=True)[:MAX_LITERAL_TERMS]
        return cls(said, tuple(term for term in terms if term in longest), pattern)

    def spans(self, folded: str) -> Iterator[tuple[int, int]]:
        """Yield the spans of the literal in a folded text, in order; they may overlap."""
        found = self._pattern.search(folded)
        if found is None:
            return
        alone = words_alone(folded)
        while found is not None:
            start, end = found.span()
            if inside_word(alone, start):
                found = self._pattern.search(folded, word_end(alone, start))
                continue
            if not inside_word(alone, end):
                yield start, end
            found = self._pattern.search(folded, start + 1)

    def occurs(self, folded: str) -> bool:
        """Whether a folded text contains the literal."""
        return next(self.spans(folded), None) is not None
