"""Cuts an excerpt from a text: the part that best shows why the text was found."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from backscroll_tools.search.folding import Folded, begins
from backscroll_tools.search.match import occurrences
from backscroll_tools.search.query import Query
from backscroll_tools.search.tokenizer import Occurrence, is_paired

_JOINER: Final = "\u200d"
"""The zero-width joiner, a character that combines several emoji into one."""
_REPEATED: Final = 0.01
"""The weight of each repetition of a word, as a fraction of the weight of its first occurrence."""
_LITERAL: Final = 10.0
"""The weight of a quoted phrase. A single word has a weight of 1 by default."""


class Excerpt(Struct, frozen=True):
    """A part of a text.

    Attributes:
        text: the part, unchanged.
        start: the part's position in the whole text, in characters.
        spans: the start and end of each match, as positions in the part; in order and without
            overlaps.
        more: two values: whether the whole text continues before the part, and after it.
    """

    text: str
    start: int
    spans: tuple[tuple[int, int], ...]
    more: tuple[bool, bool]


def excerpt(
    text: str, query: Query, chars: int, weights: Mapping[str, float] | None = None
) -> Excerpt:
    """Return the part of a text that has the highest total weight of a query's words.

    The matching words are in the middle of the part. The part begins and ends between words, unless
    one word is longer than the whole excerpt. If no word matches, the part is the beginning of the
    text. The running time is linear in the text's length.

    Args:
        text: the text, as it was written.
        query: the query that found the text.
        chars: the maximum length of the part, in characters; at least 1.
        weights: the weights of words, by token; a word that is not listed has a weight of 1.
    """
    folded = Folded(text)
    found = occurrences(query, folded.text)
    spans = _Spans(folded, found)
    first, last = _densest(found, chars, weights or {})
    while last > first and spans[last][1] - spans[first][0] > chars:
        last -= 1
    if found:
        start, end = spans[first][0], max(end for _, end in spans.between(first, last))
        end = min(end, start + chars)
    else:
        start = end = 0
    start, end = _widened(text, start, end, chars)
    shown = tuple((left - start, right - start) for left, right in spans.within(first, start, end))
    return Excerpt(text[start:end], start, shown, (start > 0, end < len(text)))


class _Spans:
    """The start and end of each matching token in the original, unfolded text."""

    def __init__(self, folded: Folded, found: Sequence[Occurrence]) -> None:
        self._folded = folded
        self._found = found

    def __getitem__(self, index: int) -> tuple[int, int]:
        return self._folded.raw_span(self._found[index].start, self._found[index].end)

    def between(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the spans of the tokens from index `first` to index `last`, both included."""
        yield from (self[index] for index in range(first, last + 1))

    def within(self, middle: int, start: int, end: int) -> list[tuple[int, int]]:
        """Return the spans in a part of the text. Spans that touch or overlap are joined.

        A span that crosses the start or the end of the part is cut there.

        Args:
            middle: the index of a token in that part.
            start: the part's first position in the original text.
            end: the position after the part.
        """
        first = middle
        while first > 0 and self[first - 1][1] > start:
            first -= 1
        joined: list[tuple[int, int]] = []
        for index in range(first, len(self._found)):
            left, right = self[index]
            if left >= end:
                break
            left, right = max(left, start), min(right, end)
            if joined and left <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], right))
            elif left < right:
                joined.append((left, right))
        return joined


def _densest(
    found: Sequence[Occurrence], chars: int, weights: Mapping[str, float]
) -> tuple[int, int]:
    """Return the indexes of the first and the last token in the part with the highest total weight.

    The part has at most `chars` characters. The first occurrence of a word in the part adds the
    word's weight to the total. Each further occurrence adds a small fraction of that weight.
    """
    best, best_score = (0, 0), 0.0
    inside: Counter[str] = Counter()
    score = 0.0
    first = 0

    def score_of(token: str) -> float:
        weight = _LITERAL if token.startswith('"') else weights.get(token, 1.0)
        return weight * (_REPEATED if inside[token] else 1.0)

    for last, each in enumerate(found):
        score += score_of(each.token)
        inside[each.token] += 1
        while first < last and each.end - found[first].start > chars:
            inside[found[first].token] -= 1
            score -= score_of(found[first].token)
            first += 1
        if score > best_score + 1e-9:
            best, best_score = (first, last), score
    return best


def _widened(text: str, start: int, end: int, chars: int) -> tuple[int, int]:
    """Return a part of at most `chars` characters around a match.

    If possible, the part starts and ends between words; otherwise within a word.
    """
    left = max(start - (chars - (end - start)) // 2, 0)
    right = min(left + chars, len(text))
    left = max(right - chars, 0)
    left, right = _edge(text, range(left, start + 1)), _edge(text, range(right, end - 1, -1))
    while left < start and text[left].isspace():
        left += 1
    while right > end and text[right - 1].isspace():
        right -= 1
    return left, right


def _edge(text: str, positions: range) -> int:
    """Return the first of the given positions that is between two words.

    If no position is, return the first one between two parts of a word, or else between two
    characters.
    """
    for separates in (_between_words, _between_parts, _between_characters):
        for index in positions:
            if index in (0, len(text)) or separates(text[index - 1], text[index]):
                return index
    return positions[-1]


def _between_words(before: str, after: str) -> bool:
    if not _between_characters(before, after):
        return False
    return before.isspace() or after.isspace() or is_paired(before) or is_paired(after)


def _between_parts(before: str, after: str) -> bool:
    return _between_characters(before, after) and not (before.isalnum() and after.isalnum())


def _between_characters(before: str, after: str) -> bool:
    return _JOINER not in (before, after) and begins(after)
