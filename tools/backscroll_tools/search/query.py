"""Parses search queries. A query is refused only if it is empty or contains only exclusions.

A query may be words or a whole question. A text matches if it contains any of the words. If the
query has literals, such as `"a literal"`, a text matches only if it contains all of the literals;
it need not contain the words. A text does not match if it contains an excluded word (`-word`) or an
excluded literal (`-"a literal"`). Operators of other search engines are treated as words.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from backscroll_tools.search.folding import begins
from backscroll_tools.search.literal import Literal
from backscroll_tools.search.stop_words import common
from backscroll_tools.search.tokenizer import Term, query_terms

MAX_QUERY_CHARS: Final = 4_000
"""The maximum length of a query, in characters. The rest of a longer query is ignored."""
MAX_LITERAL_CHARS: Final = 300
"""The maximum length of a literal, in characters. The rest of a longer literal is ignored, so that
the time to search for it is bounded."""
MAX_TERMS: Final = 60
"""The maximum number of distinct tokens that are looked up. It is also the maximum length, in bits,
of the bit masks that record which of these tokens a text has (`match.bits`)."""
MAX_LITERALS: Final = 8
"""The maximum number of required literals. It is also the maximum number of excluded literals, and
of identifiers. If a query has more of one kind, only the first ones of this kind are used."""
MAX_EXCLUDED: Final = 32
"""The maximum number of excluded words. If a query has more, only the first ones are used."""

_SHOWN_CHARS: Final = 40
_QUOTES: Final = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"'))
_PARTS: Final = re.compile(
    r'(?P<minus>(?<!\S)-)?(?<![^\s(-])"(?P<quoted>[^"]*)"|[(\[{]+(?=-?")|(?P<chunk>\S+)'
)
_EXCLUDING: Final = re.compile(r"-(?=[^\W\d_]|\.\w|[^\x00-\x7f])")
_IDENTIFIER: Final = re.compile(r"[^\W_][/\\_.:@#-]+[^\W_]")


class QueryError(ValueError):
    """A query that cannot be searched for. The error's message says how to change the query."""


class Query(Struct, frozen=True):
    """A parsed query. An index can look it up, or each text can be compared with it.

    If the query has literals, a matching text contains all of them. If not, a matching text
    contains any of `words`. In both cases it contains none of `excluded_words` and `excluded`.

    Attributes:
        words: the distinct tokens of the query's words, in the order of the query.
        literals: the literals that must occur.
        excluded_words: the distinct tokens that must not occur.
        excluded: the literals that must not occur. They include the excluded words that have
            several tokens, such as `-snake_case`.
        identifiers: unquoted paths, addresses and names with several parts, such as
            `foo/bar.py:12`. Texts that contain an identifier as written should be shown first.
        only_common: whether `words` contains stop words. It contains them only if the query has no
            other words and no literals.
        cut: whether a part of the query was ignored because the query exceeded a limit.
        wanted: the text of the query without its exclusions. A semantic search computes the meaning
            of the query from this text.
    """

    words: tuple[str, ...]
    literals: tuple[Literal, ...] = ()
    excluded_words: tuple[str, ...] = ()
    excluded: tuple[Literal, ...] = ()
    identifiers: tuple[Literal, ...] = ()
    only_common: bool = False
    cut: bool = False
    wanted: str = ""

    @property
    def required(self) -> tuple[str, ...]:
        """The distinct tokens of the literals. A matching text has all of them."""
        return tuple(dict.fromkeys(term for each in self.literals for term in each.terms))

    @property
    def terms(self) -> tuple[str, ...]:
        """The tokens to look up, at most `MAX_TERMS`. In bit masks, the n-th token is `1 << n`."""
        return tuple(dict.fromkeys((*self.required, *self.words)))


class _Parts(Struct):
    """The parts of a query that have been read so far."""

    terms: list[Term] = field(default_factory=list)
    literals: list[Literal] = field(default_factory=list)
    excluded_words: list[str] = field(default_factory=list)
    excluded: list[Literal] = field(default_factory=list)
    identifiers: list[Literal] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    cut: bool = False


def parse(text: str) -> Query:
    """Return the parsed query.

    Args:
        text: any string. Only the first `MAX_QUERY_CHARS` characters are used.

    Raises:
        QueryError: the query is empty or contains only exclusions.
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
        # The query has only punctuation, so treat all of it as one literal.
        parts.literals += _literals(read.replace('"', " ").strip(), parts)
        if not parts.literals:
            raise QueryError(
                "The query is empty. Give words, a question, or an exact phrase in double quotes."
            )
    return _query(parts, cut=len(read) < len(text))


def _query(parts: _Parts, *, cut: bool) -> Query:
    dropped = common([term.word for term in parts.terms])
    words = dict.fromkeys(term.token for term in parts.terms if term.word not in dropped)
    only_common = not (words or parts.literals)
    if only_common:
        words = dict.fromkeys(term.token for term in parts.terms)
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
        wanted=" ".join(parts.wanted),
    )


def _read(part: re.Match[str], parts: _Parts) -> None:
    quoted, chunk = part["quoted"], part["chunk"]
    if quoted is not None:
        if part["minus"]:
            _exclude(quoted, parts, by_words=False)
        else:
            parts.literals += _literals(quoted, parts)
            parts.wanted.append(quoted)
    elif chunk is not None and _EXCLUDING.match(chunk):
        _exclude(chunk[1:].strip('"'), parts, by_words=True)
    elif chunk is not None:
        parts.terms += query_terms(chunk)
        parts.wanted.append(chunk)
        if _IDENTIFIER.search(bare := chunk.strip("\"'()[]{}<>,;:.?!")):
            parts.identifiers += _literals(bare, parts)


def _exclude(text: str, parts: _Parts, *, by_words: bool) -> None:
    tokens = {term.token for term in query_terms(text)}
    if by_words and len(tokens) == 1:
        parts.excluded_words += tokens
    elif tokens or not by_words:
        parts.excluded += _literals(text, parts)


def _literals(text: str, parts: _Parts) -> Iterator[Literal]:
    read = _beginning(text, MAX_LITERAL_CHARS)
    parts.cut |= len(read) < len(text)
    if literal := Literal.of(read):
        yield literal


def _beginning(text: str, chars: int) -> str:
    """Return at most the first `chars` characters of a text, cut at a space if possible."""
    if len(text) <= chars:
        return text
    words, space, _ = text[: chars + 1].rpartition(" ")
    if space:
        return words
    while chars > 1 and not begins(text[chars]):
        chars -= 1
    return text[:chars]


def _short(text: str) -> str:
    """Return a query as an error quotes it: on one line, with at most `_SHOWN_CHARS` characters."""
    shown = " ".join(text.split())
    return shown if len(shown) <= _SHOWN_CHARS else f"{shown[: _SHOWN_CHARS - 1]}…"
