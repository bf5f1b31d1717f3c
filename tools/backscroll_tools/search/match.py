"""Decides whether a text matches a query, and finds the matching words."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Final

from backscroll_tools.search.query import Query
from backscroll_tools.search.tokenizer import Occurrence, located, tokens

MAX_OCCURRENCES: Final = 10_000


def admitted(query: Query, folded: str) -> bool:
    """Whether a text has every literal of a query and none of the excluded literals.

    Does not check `words` and `excluded_words`, which an index can check by tokens alone.

    Args:
        folded: the text, as `folding.fold` returns it.
    """
    return all(each.occurs(folded) for each in query.literals) and not any(
        each.occurs(folded) for each in query.excluded
    )


def bits(terms: Sequence[str], found: Collection[str]) -> int:
    """Return which of the terms a text has; the bit `1 << n` is set if it has the n-th term.

    Args:
        found: the text's tokens: a set or the keys of a dict, because each term is looked up in it.
    """
    return sum(1 << place for place, term in enumerate(terms) if term in found)


def matches(query: Query, text: str, folded: str) -> bool:
    """Whether a text matches a query. This needs no index.

    Args:
        text: the text as it was written.
        folded: the same text, as `folding.fold` returns it.
    """
    return holds(query, frozenset(tokens(text).terms), folded)


def holds(query: Query, found: AbstractSet[str], folded: str) -> bool:
    """Whether a text with these tokens matches a query.

    Args:
        found: the text's tokens.
        folded: the text, as `folding.fold` returns it.
    """
    if not found.isdisjoint(query.excluded_words):
        return False
    if not query.literals and found.isdisjoint(query.words):
        return False
    return admitted(query, folded)


def occurrences(query: Query, folded: str) -> list[Occurrence]:
    """Return the occurrences of a query's words and literals in a folded text, by position.

    They may overlap. The `term` of a literal's occurrence is the literal as it was given, in double
    quotes. At most `MAX_OCCURRENCES` of the words, and of each literal, are returned: the first
    ones.
    """
    found = [
        Occurrence(f'"{literal.said}"', start, end)
        for literal in query.literals
        for start, end in islice(literal.spans(folded), MAX_OCCURRENCES)
    ]
    found += islice(located(folded, query.words), MAX_OCCURRENCES)
    return sorted(found, key=lambda token: (token.start, -token.end))
