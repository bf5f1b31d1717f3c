"""Splits messages into tokens, which an index stores, and queries into terms, which it looks up.

Text is folded first (`folding`). The rules then look only at neighbouring characters, so they split
a literal into the same words whether it stands alone or in a longer text. If the literal begins and
ends at token boundaries in a text, the tokens of the text contain all terms of the literal. So an
index can find the text.

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
from itertools import accumulate, chain, pairwise
from operator import add
from typing import Final, NamedTuple

from msgspec import Struct

from backscroll_tools.search.folding import fold
from backscroll_tools.search.stems import MAX_WORD_CHARS, stem

TOKENS_VERSION: Final = 1
"""The version of these rules. An index stores it with each row. It must be increased with every
change that gives some text different tokens."""

MAX_TOKENS: Final = 20_000
"""The maximum number of distinct tokens of one message that are indexed. Tokens beyond the maximum
are left out. A message with 100,000 characters of prose has about 5,000 distinct tokens. Only
unusual texts, such as a long list of numbers, exceed the maximum."""

_PAIRED: Final = (
    "\u0700-\u074f\u0780-\u089f\u0900-\u109f\u1780-\u17df"  # Syriac to Burmese, Khmer
    "\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303b\u3041-\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf"
    "\uf900-\ufaff\U00016fe0-\U00018cff\U0001b000-\U0001b2ff\U00020000-\U0003ffff"  # Han, kana
    "\U0001f1e6-\U0001f1ff"  # letters of flags
)
"""The scripts that are indexed by pairs of characters: scripts without spaces between words,
Hangul, and Indic scripts, whose vowel signs Python's regular expressions do not match as letters.
"""
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
"""A table for `bytes.translate`. It keeps small letters, digits and apostrophes, and replaces all
other bytes with spaces. This is several times as fast as a regular expression."""

CACHED_WORDS: Final = 32_768
"""The maximum number of words whose tokens are cached. A full cache takes about 8 MB."""

_CLITICS: Final = frozenset({"s", "re", "ve", "ll", "d", "m"})
"""English endings that follow an apostrophe. In a query, only the word before the apostrophe is a
term."""
_ELISIONS: Final = frozenset("cdjlmnst") | {
    *("qu", "jusqu", "lorsqu", "puisqu", "all", "dall", "dell", "nell", "sull", "un"),
}
"""French and Italian words that are shortened before an apostrophe. In a query, only the word after
the apostrophe is a term."""


class Tokens(NamedTuple):
    """The tokens of a text and its length, as an index stores them.

    Attributes:
        terms: the distinct tokens, at most `MAX_TOKENS`.
        length: the number of words in the text, including repetitions; used for ranking. In a
            script that is indexed by pairs, each character counts as a word.
    """

    terms: list[str]
    length: int


class Term(Struct, frozen=True):
    """A part of a query that an index can look up.

    Attributes:
        token: the token to look up.
        word: the folded word that the token was computed from; it may be a stop word.
    """

    token: str
    word: str


class Occurrence(NamedTuple):
    """A token and its position in a folded text: the token of `text[start:end]` is `token`."""

    token: str
    start: int
    end: int


class _Chunks(dict[str, tuple[str, ...]]):
    """A cache of the tokens of single words. A word may contain apostrophes."""

    def __missing__(self, chunk: str) -> tuple[str, ...]:
        found: tuple[str, ...]
        if "'" in chunk:
            words = chunk.split("'")
            joined = (_joined(*pair) for pair in pairwise(words))
            found = (*(stem(word) for word in words if word), *filter(None, joined))
        else:
            found = (stem(chunk),)
        if len(chunk) <= MAX_WORD_CHARS:
            if len(self) >= CACHED_WORDS:
                self.clear()
            self[chunk] = found
        return found


_TOKENS: Final = _Chunks()


def tokens(text: str) -> Tokens:
    """Return the tokens of any text.

    The running time is linear in the length: about 15 µs for a message of 190 characters.
    """
    folded = fold(text)
    is_ascii = folded.isascii()
    if is_ascii:
        chunks = folded.encode().translate(_ASCII_CHUNKS).decode().split()
    else:
        chunks = _CHUNKS.findall(words_alone(folded))
    found = dict.fromkeys(chain.from_iterable(map(_TOKENS.__getitem__, chunks)))
    if "++" in folded or ".net" in folded or ("#" in folded and _SHARP.search(folded)):
        found |= dict.fromkeys(map(_special, _SPECIALS.findall(words_alone(folded))))
    length = len(chunks)
    if not is_ascii:
        runs = _RUNS.findall(folded)
        for run in runs:
            found |= dict.fromkeys(run)
            found |= dict.fromkeys(map(add, run, run[1:]))
        found |= dict.fromkeys(_EMOJIS.findall(folded))
        length += sum(map(len, runs))
    return Tokens(list(found)[:MAX_TOKENS], length)


def query_terms(text: str) -> list[Term]:
    """Return the terms to look up for a part of a query, in order and including repetitions.

    Suppose that a message contains this text, and that the text neither begins nor ends inside a
    word of the message (`inside_word`). Then all of these terms are tokens of the message, unless
    the message has more than `MAX_TOKENS` tokens.
    """
    folded = fold(text)
    parts = [
        *_PARTS.finditer(words_alone(folded)),
        *_RUNS.finditer(folded),
        *_EMOJIS.finditer(folded),
    ]
    return [term for part in sorted(parts, key=re.Match.start) for term in _terms(part)]


def located(folded: str, terms: Collection[str]) -> Iterator[Occurrence]:
    """Yield each occurrence of any of the terms in a folded text, not in order of position.

    Words are yielded first, then names such as `c++`, then emoji and the characters that are
    indexed by pairs.

    Args:
        folded: the text, folded by `fold`.
        terms: the tokens to find, from `query_terms`.
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
            yield Occurrence(term, *special.span())
    rest = {term for term in wanted if _RUNS.match(term) or _EMOJIS.match(term)}
    for size in {len(term) for term in rest}:
        choices = "|".join(re.escape(term) for term in rest if len(term) == size)
        for found in re.finditer(f"(?=({choices}))", folded):
            yield Occurrence(found[1], *found.span(1))


def words_alone(folded: str) -> str:
    """Return a folded text in which spaces replace all characters that are indexed by pairs."""
    return folded if folded.isascii() else _RUNS.sub(lambda run: " " * len(run[0]), folded)


def is_paired(char: str) -> bool:
    """Whether a character belongs to a script that is indexed by pairs."""
    return _RUNS.match(char) is not None


def inside_word(alone: str, position: int) -> bool:
    """Whether the characters before and after a position belong to the same word.

    Args:
        alone: a text that `words_alone` returned.
        position: a position in it; 0 to the text's length.
    """
    around = alone[max(position - 1, 0) : position + 1]
    return 0 < position < len(alone) and around.isalnum()


def word_end(alone: str, position: int) -> int:
    """Return the end of the word that starts at `position`, or `position` if no word starts there.

    Args:
        alone: a text that `words_alone` returned.
        position: a position in it.
    """
    word = _WORDS.match(alone, position)
    return word.end() if word else position


def _terms(part: re.Match[str]) -> Iterator[Term]:
    text = part[0]
    if part.re is _RUNS and len(text) > 1:
        yield from (Term(pair, pair) for pair in map(add, text, text[1:]))
    elif part.re is _PARTS and part["chunk"]:
        words = text.split("'")
        if len(words) == 1:
            yield Term(stem(text), text)
        for first, second in pairwise(words):
            if joined := _joined(first, second):
                yield Term(joined, f"{first}'{second}")
            else:
                word = first if second in _CLITICS else second
                yield Term(stem(word), word)
    else:
        yield Term(_special(text), text)


def _located_words(chunk: re.Match[str], wanted: frozenset[str]) -> Iterator[Occurrence]:
    words = chunk[0].split("'")
    starts = list(accumulate((len(word) + 1 for word in words), initial=chunk.start()))
    for word, start in zip(words, starts, strict=False):
        if (term := stem(word)) in wanted:
            yield Occurrence(term, start, start + len(word))
    for (first, second), start in zip(pairwise(words), starts, strict=False):
        if (term := _joined(first, second)) in wanted:
            yield Occurrence(term, start, start + len(first) + 1 + len(second))


def _joined(first: str, second: str) -> str:
    """Return the token of two words with an apostrophe between them, such as `dont` for `don't`.

    It is empty if only one of the words is significant, as in `Ines's`.
    """
    if not (first and second) or second in _CLITICS or first in _ELISIONS:
        return ""
    return stem(first + second)


def _special(name: str) -> str:
    """Return the token of a name such as `c++`, with at most `MAX_WORD_CHARS` characters."""
    return name if len(name) <= MAX_WORD_CHARS else f"{name[: MAX_WORD_CHARS - 2]}++"
