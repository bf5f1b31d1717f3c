"""Tokens: what an index keeps of a message, and what it is asked for.

Both come from the folded text (`folding`) by rules that look only at neighbouring characters. So a
text that contains a literal between token boundaries has all of the literal's terms. That is what
lets an index find the candidates of a literal.

| in a text | tokens | terms of a query |
| --- | --- | --- |
| `refunds` | `refund` (the stem) | the same |
| `snake_case`, `foo/bar.py:12` | `snake`, `case`, … | the same |
| `don't` | `don`, `t`, `dont` | `dont` |
| `Ines's`, `l'avion` | `ine`, `s`, `l`, `avion` | `ine`; `avion` |
| `c++`, `C#`, `.NET` | `c`, `c++`, `c#`, `net`, `.net` | `c++`, `c#`, `.net` |
| `東京都`; also Hangul, Thai, Hindi … | `東`, `京`, `都`, `東京`, `京都` | `東京`, `京都` |
| `東` | `東` | `東` |
| an emoji | itself, without skin tone | the same |
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, islice, pairwise
from operator import add
from typing import Final, NamedTuple

from backscroll_tools.search.folding import fold
from backscroll_tools.search.stems import MAX_WORD_CHARS, stem

TOKENS_VERSION: Final = 1
"""Raised by each change to the tokens of any text; an index keeps it by row."""

MAX_TOKENS: Final = 20_000
"""The most different tokens of one message, in order of first occurrence by kind. A message of
100,000 characters of prose has about 5,000; the rest of a longer list of numbers is not indexed."""

_PAIRED: Final = (
    "\u0700-\u074f\u0780-\u089f\u0900-\u109f\u1780-\u17df"  # Syriac to Burmese, Khmer
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf"
    "\uf900-\ufaff\U00016fe0-\U00018cff\U0001b000-\U0001b2ff\U00020000-\U0003ffff"  # Han, kana
    "\U0001f1e6-\U0001f1ff"  # letters of flags
)
"""Scripts that are indexed by pairs of characters: those that put no spaces between words, Hangul,
and those whose vowel signs are no letters in Python's patterns (Indic scripts)."""
_EMOJI: Final = (
    "[\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)

_RUNS: Final = re.compile(f"[{_PAIRED}]+")
_EMOJIS: Final = re.compile(_EMOJI)
_WORDS: Final = re.compile(r"[^\W_]+")
_CHUNKS: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SPECIALS: Final = re.compile(r"(?<![^\W_])(?:[^\W_]++\+\+|[a-z]#)|\.net(?![^\W_])")
_SHARP: Final = re.compile("#(?<=[a-z]#)")
_PARTS: Final = re.compile(f"(?P<special>{_SPECIALS.pattern})|(?P<chunk>{_CHUNKS.pattern})")
_ASCII_CHUNKS: Final = bytes(
    code if chr(code) in "'abcdefghijklmnopqrstuvwxyz0123456789" else 32 for code in range(256)
)
"""Turns every other byte to a space: several times as fast as a pattern."""

CACHED_WORDS: Final = 32_768
"""How many words' tokens are kept; about 8 MB."""

_CLITICS: Final = frozenset({"s", "re", "ve", "ll", "d", "m"})
"""What English appends with an apostrophe; the word before it is what counts."""
_ELISIONS: Final = frozenset("cdjlmnst") | {
    *("qu", "jusqu", "lorsqu", "puisqu", "all", "dall", "dell", "nell", "sull", "un"),
}
"""What French and Italian shorten with an apostrophe; the word after it is what counts."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an index keeps of a text.

    Attributes:
        terms: the different tokens, at most `MAX_TOKENS`.
        length: the number of words in the text, repetitions included, as ranking counts it;
            a text without spaces counts each of its characters.
    """

    terms: list[str]
    length: int


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a query that an index can look up.

    Attributes:
        term: the token.
        said: what it was made from, folded; stop words are compared with it.
    """

    term: str
    said: str


class Token(NamedTuple):
    """A token at its place in a folded text: `text[start:end]` was made into `term`."""

    term: str
    start: int
    end: int


class _Chunks(dict[str, tuple[str, ...]]):
    """The tokens of words, which apostrophes may join; made when they are first asked for."""

    def __missing__(self, chunk: str) -> tuple[str, ...]:
        words = chunk.split("'")
        joined = (_joined(*pair) for pair in pairwise(words))
        found = (*(stem(word) for word in words if word), *filter(None, joined))
        if len(chunk) <= MAX_WORD_CHARS:
            if len(self) >= CACHED_WORDS:
                self.clear()
            self[chunk] = found
        return found


_TOKENS: Final = _Chunks()


def tokens(text: str) -> Tokens:
    """Return the tokens of a text; any string is accepted.

    A message of 190 characters takes about 15 µs. The time is linear in the length.
    """
    folded = fold(text)
    if folded.isascii():
        chunks = folded.encode().translate(_ASCII_CHUNKS).decode().split()
        runs: list[str] = []
    else:
        chunks = _CHUNKS.findall(words_alone(folded))
        runs = _RUNS.findall(folded)
    found = dict.fromkeys(chain.from_iterable(map(_TOKENS.__getitem__, chunks)))
    if "++" in folded or ".net" in folded or _SHARP.search(folded):
        found |= dict.fromkeys(map(_special, _SPECIALS.findall(words_alone(folded))))
    for run in runs:
        found |= dict.fromkeys(run)
        found |= dict.fromkeys(map(add, run, run[1:]))
    if not folded.isascii():
        found |= dict.fromkeys(_EMOJIS.findall(folded))
    return Tokens(list(islice(found, MAX_TOKENS)), len(chunks) + sum(map(len, runs)))


def query_terms(text: str) -> list[Term]:
    """Return what an index is to be asked for, in the order of the text, repetitions included.

    If a text contains this text and neither end is `inside_word`, then `tokens` of that text has
    all of these terms, unless it has more than `MAX_TOKENS`.
    """
    folded = fold(text)
    parts = [
        *_PARTS.finditer(words_alone(folded)),
        *_RUNS.finditer(folded),
        *_EMOJIS.finditer(folded),
    ]
    return [term for part in sorted(parts, key=re.Match.start) for term in _terms(part)]


def located(folded: str, terms: Collection[str]) -> Iterator[Token]:
    """Yield where a folded text has any of the terms, by kind and then by place.

    Args:
        folded: the text, as `fold` gives it.
        terms: tokens, as `query_terms` gives them.
    """
    wanted = frozenset(terms)
    alone = words_alone(folded)
    chunks = set(_CHUNKS.findall(alone))
    having = {chunk for chunk in chunks if not wanted.isdisjoint(_TOKENS[chunk])}
    for chunk in _CHUNKS.finditer(alone) if having else ():
        if chunk[0] in having:
            yield from _located_words(chunk, wanted)
    for special in _SPECIALS.finditer(alone):
        if (term := _special(special[0])) in wanted:
            yield Token(term, *special.span())
    rest = {term for term in wanted if _RUNS.match(term) or _EMOJIS.match(term)}
    for size in {len(term) for term in rest}:
        choices = "|".join(re.escape(term) for term in rest if len(term) == size)
        for found in re.finditer(f"(?=({choices}))", folded):
            yield Token(found[1], *found.span(1))


def words_alone(folded: str) -> str:
    """Return a folded text with a space for each character that is indexed by pairs."""
    return folded if folded.isascii() else _RUNS.sub(lambda run: " " * len(run[0]), folded)


def is_paired(char: str) -> bool:
    """Whether a character is of a script that is indexed by pairs."""
    return _RUNS.match(char) is not None


def inside_word(alone: str, position: int) -> bool:
    """Whether the characters before and after a position are of one word.

    Args:
        alone: the text, as `words_alone` gives it.
        position: from 0 to the text's length.
    """
    around = alone[max(position - 1, 0) : position + 1]
    return 0 < position < len(alone) and around.isalnum()


def word_end(alone: str, position: int) -> int:
    """Return where the word at a position ends, in a text as `words_alone` gives it."""
    word = _WORDS.match(alone, position)
    return word.end() if word else position


def _terms(part: re.Match[str]) -> Iterator[Term]:
    said = part[0]
    if part.re is _RUNS and len(said) > 1:
        yield from (Term(pair, pair) for pair in map(add, said, said[1:]))
    elif part.re is _PARTS and part["chunk"]:
        words = said.split("'")
        if len(words) == 1:
            yield Term(stem(said), said)
        for first, second in pairwise(words):
            if joined := _joined(first, second):
                yield Term(joined, f"{first}'{second}")
            else:
                word = first if second in _CLITICS else second
                yield Term(stem(word), word)
    else:
        yield Term(_special(said), said)


def _located_words(chunk: re.Match[str], wanted: frozenset[str]) -> Iterator[Token]:
    words = chunk[0].split("'")
    starts = list(accumulate((len(word) + 1 for word in words), initial=chunk.start()))
    for word, start in zip(words, starts, strict=False):
        if (term := stem(word)) in wanted:
            yield Token(term, start, start + len(word))
    for (first, second), start in zip(pairwise(words), starts, strict=False):
        if (term := _joined(first, second)) in wanted:
            yield Token(term, start, start + len(first) + 1 + len(second))


def _joined(first: str, second: str) -> str:
    """Return the token of two words joined by an apostrophe; empty if one of them counts alone."""
    if not (first and second) or second in _CLITICS or first in _ELISIONS:
        return ""
    return stem(first + second)


def _special(said: str) -> str:
    """Return the token of `c++` and the like; the word in it is cut to the length of any word."""
    return said if len(said) <= MAX_WORD_CHARS else f"{said[: MAX_WORD_CHARS - 2]}++"
