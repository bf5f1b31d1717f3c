"""Reduces the forms of a word to one stem, so that `refunds` finds `refunded`.

A word must have the same stem in a question and in a message. Its language is unknown, so the rules
depend only on its script. In Latin script, German, Portuguese and French plural endings that are
rare in English are first replaced by singular ones. Then the published English algorithm of the
Snowball project, also called Porter2, is applied. In Cyrillic script, a Russian ending is removed.
In Arabic script, the article and common suffixes are removed.

We do not use a library, because libraries change their stems between releases. An index must always
be able to compute which tokens it has stored for a message.
"""
# ruff: noqa: RUF001 - these letters are Cyrillic and Arabic ones

import re
from typing import Final

from backscroll_tools.search.english import english_stem

MAX_WORD_CHARS: Final = 64
"""The maximum length of a word, in characters. Longer words are cut. A SHA-256 in hexadecimal has
exactly this length, so it is not cut."""

_ENGLISH: Final = re.compile("[a-z]{3,}")

_PLURALS: Final = (
    ("ungen", "ung"),  # German
    ("heiten", "heit"),
    ("keiten", "keit"),
    ("schaften", "schaft"),
    ("coes", "cao"),  # Portuguese, without accents
    ("soes", "sao"),
    ("eaux", "eau"),  # French
)
_PLURAL_ENDINGS: Final = tuple(plural for plural, _ in _PLURALS)

_RUSSIAN: Final = re.compile(
    "(?<=.{3})(?:ами|ями|ого|его|ому|ему|ыми|ими|иях|ией|иям|ием|ение|ения|ают|яют|ала|али|ало|ила"
    "|или|ило|ить|ать|ять|еть|ешь|ишь|ете|ите|ов|ев|ей|ой|ый|ий|ая|яя|ое|ее|ые|ие|ых|их|ую|юю|ою"
    "|ею|ам|ям|ах|ях|ом|ем|ия|ии|ию|ал|ил|ут|ют|ат|ят|ет|ит|а|е|и|й|о|у|ы|ь|ю|я)$"
)
_ARABIC: Final = re.compile(
    "^(?:وال|بال|كال|فال|لل|ال)?(.{2,}?)(?:ها|ان|ات|ون|ين|يه|ه|ي)?$", re.DOTALL
)


def stem(word: str) -> str:
    """Return the stem of a folded word. Only the first `MAX_WORD_CHARS` characters are used."""
    word = word[:MAX_WORD_CHARS]
    if _ENGLISH.fullmatch(word):
        for plural, singular in _PLURALS if word.endswith(_PLURAL_ENDINGS) else ():
            if word.endswith(plural) and len(word) > len(plural) + 1:
                return english_stem(word.removesuffix(plural) + singular)
        return english_stem(word)
    if "\u0400" <= word[0] <= "\u04ff":
        return _RUSSIAN.sub("", word)
    if "\u0600" <= word[0] <= "\u06ff" and (found := _ARABIC.match(word)):
        return found[1]
    return word
