"""Parses search queries. A query is refused only if it is empty or has nothing to look for.

A text matches words, or a whole question, if it has any of the words. `"a literal"` must occur;
`-word` and `-"a literal"` must not. Operators of other search engines are treated as words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from backscroll_tools.search.folding import begins
from backscroll_tools.search.literal import Literal
from backscroll_tools.search.stop_words import common
from backscroll_tools.search.tokenizer import Term, query_terms

MAX_QUERY_CHARS: Final = 4_000
"""The maximum number of characters of a query that are read."""
MAX_LITERAL_CHARS: Final = 300
"""The maximum number of characters of a literal that are read. This bounds the time to find it."""
MAX_TERMS: Final = 60
"""The maximum number of different tokens that are looked up. A text's tokens are a bit mask."""
MAX_LITERALS: Final = 8
"""The maximum number of literals that must occur, and of literals that must not. If a query has
more, only the first ones are used."""
MAX_EXCLUDED: Final = 32
"""The maximum number of words that must not occur. If a query has more, only the first ones are
used."""

_SHOWN_CHARS: Final = 40
_QUOTES: Final = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"'))
_PARTS: Final = re.compile(
    r'(?P<minus>(?<!\S)-)?(?<![^\s(-])"(?P<quoted>[^"]*)"|[(\[{]+(?=-?")|(?P<chunk>\S+)'
)
_EXCLUDING: Final = re.compile(r"-(?=[^\W\d_]|\.\w|[^\x00-\x7f])")
_IDENTIFIER: Final = re.compile(r"[^\W_][/\\_.:@#-]+[^\W_]")


class QueryError(ValueError):
    """A query that cannot be searched for; the message says how to change it."""


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query, to look up in an index or to compare with each text.

    A text matches if it has all `literals` (or, if there are no literals, any of `words`) and
    none of `excluded_words` and `excluded`.

    Attributes:
        words: different tokens, any of which may occur, in the order of the query.
        literals: literals that must occur.
        excluded_words: different tokens that must not occur.
        excluded: literals that must not occur, and that do not have exactly one token.
        identifiers: unquoted paths, addresses and names with several parts, such as
            `foo/bar.py:12`; texts that contain them as written should come first.
        only_common: whether `words` are stop words, because the query has no other words.
        cut: whether the query exceeded a limit, so that a part of it is ignored.
    """

    words: tuple[str, ...]
    literals: tuple[Literal, ...] = ()
    excluded_words: tuple[str, ...] = ()
    excluded: tuple[Literal, ...] = ()
    identifiers: tuple[Literal, ...] = ()
    only_common: bool = False
    cut: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The different tokens of the literals, all of which a matching text has."""
        return tuple(dict.fromkeys(term for each in self.literals for term in each.terms))

    @property
    def terms(self) -> tuple[str, ...]:
        """The tokens to look up, at most `MAX_TERMS`; the bit `1 << n` is for the n-th token."""
        return tuple(dict.fromkeys((*self.required, *self.words)))


@dataclass(slots=True)
class _Parts:
    """The parts of a query, as they are read."""

    terms: list[Term] = field(default_factory=list)
    literals: list[Literal] = field(default_factory=list)
    excluded_words: list[str] = field(default_factory=list)
    excluded: list[Literal] = field(default_factory=list)
    identifiers: list[Literal] = field(default_factory=list)
    cut: bool = False


def parse(text: str) -> Query:
    """Return the parsed query.

    Args:
        text: any string; the first `MAX_QUERY_CHARS` characters are read.

    Raises:
        QueryError: the query is empty, or it only has exclusions.
    """
    read = _beginning(text, MAX_QUERY_CHARS).translate(_QUOTES)
    parts = _Parts()
    for part in _PARTS.finditer(read):
        _read(part, parts)
    if not (parts.terms or parts.literals):
        if parts.excluded_words or parts.excluded:
            raise QueryError(
                f"The query {_short(read)} only says what to leave out. Add a word to look for; "
                "to find a word that begins with a hyphen, put it in double quotes."
            )
        # The query has only punctuation: look for it as it is written.
        parts.literals += _literals(read.replace('"', " ").strip(), parts)
        if not parts.literals:
            raise QueryError(
                "The query is empty. Give words, a question, or an exact phrase in double quotes."
            )
    return _query(parts, cut=len(read) < len(text))


def _query(parts: _Parts, *, cut: bool) -> Query:
    dropped = common([term.said for term in parts.terms])
    words = dict.fromkeys(term.term for term in parts.terms if term.said not in dropped)
    only_common = not (words or parts.literals)
    if only_common:
        words = dict.fromkeys(term.term for term in parts.terms)
    literals = parts.literals[:MAX_LITERALS]
    room = MAX_TERMS - len({term for each in literals for term in each.terms})
    lengths = (
        (words, room),
        (parts.literals, MAX_LITERALS),
        (parts.excluded_words, MAX_EXCLUDED),
        (parts.excluded, MAX_LITERALS),
    )
    return Query(
        words=tuple(words)[:room],
        literals=tuple(literals),
        excluded_words=tuple(dict.fromkeys(parts.excluded_words))[:MAX_EXCLUDED],
        excluded=tuple(parts.excluded[:MAX_LITERALS]),
        identifiers=tuple(parts.identifiers[:MAX_LITERALS]),
        only_common=only_common,
        cut=cut or parts.cut or any(len(found) > most for found, most in lengths),
    )


def _read(part: re.Match[str], parts: _Parts) -> None:
    quoted, chunk = part["quoted"], part["chunk"]
    if quoted is not None:
        if part["minus"]:
            _exclude(quoted, parts, by_words=False)
        else:
            parts.literals += _literals(quoted, parts)
    elif chunk is not None and _EXCLUDING.match(chunk):
        _exclude(chunk[1:].strip('"'), parts, by_words=True)
    elif chunk is not None:
        parts.terms += query_terms(chunk)
        if _IDENTIFIER.search(bare := chunk.strip("\"'()[]{}<>,;:.?!")):
            parts.identifiers += _literals(bare, parts)


def _exclude(said: str, parts: _Parts, *, by_words: bool) -> None:
    terms = {term.term for term in query_terms(said)}
    if by_words and len(terms) == 1:
        parts.excluded_words += terms
    elif terms or not by_words:
        parts.excluded += _literals(said, parts)


def _literals(said: str, parts: _Parts) -> Iterator[Literal]:
    read = _beginning(said, MAX_LITERAL_CHARS)
    parts.cut |= len(read) < len(said)
    if literal := Literal.of(read):
        yield literal


def _beginning(text: str, chars: int) -> str:
    """Return the first `chars` characters of a text, without the word that this would cut."""
    if len(text) <= chars:
        return text
    words, space, _ = text[: chars + 1].rpartition(" ")
    if space:
        return words
    while chars > 1 and not begins(text[chars]):
        chars -= 1
    return text[:chars]


def _short(text: str) -> str:
    """Return a query in the short form that an error shows."""
    shown = " ".join(text.split())
    return shown if len(shown) <= _SHOWN_CHARS else f"{shown[: _SHOWN_CHARS - 1]}…"
