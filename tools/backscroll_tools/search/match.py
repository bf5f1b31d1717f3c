"""Decides whether a text matches a query, and finds the matching words in it."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final

from backscroll_tools.search.query import Query
from backscroll_tools.search.tokenizer import Occurrence, located

MAX_OCCURRENCES: Final = 10_000
"""The maximum number of occurrences of words that `occurrences` returns, counted over all words. Of
each literal, it also returns at most this number of occurrences."""


def admitted(query: Query, folded: str) -> bool:
    """Whether a text contains every literal of a query and none of the excluded literals.

    The query's `words` and `excluded_words` are not checked here, because an index can check them
    without the text.

    Args:
        query: the query.
        folded: the text, folded by `folding.fold`.
    """
    return all(each.occurs(folded) for each in query.literals) and not any(
        each.occurs(folded) for each in query.excluded
    )


def bits(terms: Sequence[str], found: Collection[str]) -> int:
    """Return a bit mask of the terms that a text has: bit `1 << n` is set if it has the n-th term.

    Args:
        terms: the terms to look for, in the order of their bits.
        found: the text's tokens, as a set or the keys of a dict, so that look-ups are fast.
    """
    return sum(1 << bit for bit, term in enumerate(terms) if term in found)


def matches(query: Query, found: AbstractSet[str], folded: str) -> bool:
    """Whether a text matches a query; no index is used.

    Args:
        query: the query.
        found: the text's tokens.
        folded: the text, folded by `folding.fold`.
    """
    if not found.isdisjoint(query.excluded_words):
        return False
    if not query.literals and found.isdisjoint(query.words):
        return False
    return admitted(query, folded)


def occurrences(query: Query, folded: str) -> list[Occurrence]:
    """Return where a query's words and literals occur in a folded text, in order of position.

    Occurrences may overlap. The `token` of a literal's occurrence is the literal's text in double
    quotes. The result contains at most `MAX_OCCURRENCES` occurrences of words, counted over all
    words. Of each literal, it contains at most the first `MAX_OCCURRENCES` occurrences.
    """
    found = [
        Occurrence(f'"{literal.text}"', start, end)
        for literal in query.literals
        for start, end in islice(literal.spans(folded), MAX_OCCURRENCES)
    ]
    found += islice(located(folded, query.words), MAX_OCCURRENCES)
    return sorted(found, key=lambda each: (each.start, -each.end))
