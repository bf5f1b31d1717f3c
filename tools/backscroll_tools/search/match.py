"""Whether a text matches a query, and where."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from backscroll_tools.search.query import Query
from backscroll_tools.search.tokens import Token, located, tokens

MAX_OCCURRENCES: Final = 10_000


def admitted(query: Query, folded: str) -> bool:
    """Whether a text has every literal of a query and none of the excluded ones.

    What an index can tell from tokens alone, `words` and `excluded_words`, is left out.

    Args:
        folded: the text, as `folding.fold` gives it.
    """
    return all(each.occurs(folded) for each in query.literals) and not any(
        each.occurs(folded) for each in query.excluded
    )


def bits(terms: Sequence[str], found: Collection[str]) -> int:
    """Return which terms are among a text's tokens; the bit `1 << n` stands for the n-th.

    Args:
        found: the tokens; a set or the keys of a dict, as each term is looked up in it.
    """
    return sum(1 << place for place, term in enumerate(terms) if term in found)


def matches(query: Query, text: str, folded: str) -> bool:
    """Whether a text matches a query, if there is no index to ask.

    Args:
        text: the text as it was written.
        folded: the same, as `folding.fold` gives it.
    """
    found = frozenset(tokens(text).terms)
    if not found.isdisjoint(query.excluded_words):
        return False
    if not query.literals and found.isdisjoint(query.words):
        return False
    return admitted(query, folded)


def occurrences(query: Query, folded: str) -> list[Token]:
    """Return where a folded text has a query's words and literals, by place; they may overlap.

    The `term` of a literal's occurrence is the literal as it was given, in double quotes. Of more
    than `MAX_OCCURRENCES` of the words, or of a literal, the first are returned.
    """
    found = [
        Token(f'"{literal.said}"', start, end)
        for literal in query.literals
        for start, end in islice(literal.spans(folded), MAX_OCCURRENCES)
    ]
    found += islice(located(folded, query.words), MAX_OCCURRENCES)
    return sorted(found, key=lambda token: (token.start, -token.end))
