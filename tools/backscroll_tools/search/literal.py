"""Literals: phrases that a text must contain as written, except for case, accents and width."""

import re
from collections.abc import Iterator
from typing import Final, Self

from msgspec import Struct

from backscroll_tools.search.folding import fold
from backscroll_tools.search.tokenizer import inside_word, query_terms, word_end, words_alone

MAX_LITERAL_TERMS: Final = 6
"""The maximum number of terms of one literal that are looked up in an index.

The longest terms are looked up, because they tend to be rare. Then the whole literal is compared
with the text of the messages that the index finds.
"""


class Literal(Struct, frozen=True):
    """A phrase that a text must contain as written.

    A match begins and ends between words: `"cat"` does not match `concatenate`, but `"bar.py"`
    matches `foo/bar.py:12`, and `"京都"` matches `東京都`. A space in the literal matches any white
    space.

    Attributes:
        text: the literal, as the query contains it.
        terms: distinct tokens that every text with the literal contains, at most
            `MAX_LITERAL_TERMS`; empty for a literal without letters, digits and emoji, such as
            `"->"`.
    """

    text: str
    terms: tuple[str, ...]
    _pattern: re.Pattern[str]

    @classmethod
    def of(cls, text: str) -> Self | None:
        """Return the literal for a text, or None if the text has only invisible characters."""
        words = fold(text).split()
        if not any(word.strip("\0") for word in words):
            return None
        terms = dict.fromkeys(term.token for term in query_terms(text))
        pattern = re.compile(r"\s+".join(map(re.escape, words)))
        longest = sorted(terms, key=len, reverse=True)[:MAX_LITERAL_TERMS]
        return cls(text, tuple(term for term in terms if term in longest), pattern)

    def spans(self, folded: str) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each match in a folded text, in order. Matches may overlap."""
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
