"""Reduces the forms of a word to one stem, so that `refunds` finds `refunded`.

The language of a word is unknown, and its stem must be the same in a question and in a message, so
the script of the word decides. For Latin script, first the plural endings of other languages are
removed, if no English word has them. Then the English stemmer of the Snowball project is applied
(its published algorithm, also called Porter2). For Cyrillic, a Russian ending is removed. For
Arabic, the article and light endings are removed.

The code is our own because libraries change their stems between releases. An index must always be
able to tell which tokens it has stored for a message.
"""
# ruff: noqa: RUF001 - these letters are Cyrillic and Arabic ones

import re
from typing import Final

from backscroll_tools.search.english import english_stem

MAX_WORD_CHARS: Final = 64
"""Longer words are cut to this many characters: a SHA-256 in hexadecimal is kept whole."""

_ENGLISH: Final = re.compile("[a-z]{3,}")

_PLURALS: Final = (
    ("ungen", "ung"),  # German
    ("heiten", "heit"),
    ("keiten", "keit"),
    ("schaften", "schaft"),
    ("coes", "cao"),  # Portuguese, without its marks
    ("soes", "sao"),
    ("eaux", "eau"),  # French
)

_RUSSIAN: Final = re.compile(
    "(?<=.{3})(?:ами|ями|ого|его|ому|ему|ыми|ими|иях|ией|иям|ием|ение|ения|ают|яют|ала|али|ало|ила"
    "|или|ило|ить|ать|ять|еть|ешь|ишь|ете|ите|ов|ев|ей|ой|ый|ий|ая|яя|ое|ее|ые|ие|ых|их|ую|юю|ою"
    "|ею|ам|ям|ах|ях|ом|ем|ия|ии|ию|ал|ил|ут|ют|ат|ят|ет|ит|а|е|и|й|о|у|ы|ь|ю|я)$"
)
_ARABIC: Final = re.compile(
    "^(?:وال|بال|كال|فال|لل|ال)?(.{2,}?)(?:ها|ان|ات|ون|ين|يه|ه|ي)?$", re.DOTALL
)


def stem(word: str) -> str:
    """Return the stem of a folded word, which is first cut to `MAX_WORD_CHARS` characters."""
    word = word[:MAX_WORD_CHARS]
    if _ENGLISH.fullmatch(word):
        for plural, singular in _PLURALS:
            if word.endswith(plural) and len(word) > len(plural) + 1:
                return english_stem(word.removesuffix(plural) + singular)
        return english_stem(word)
    if "\u0400" <= word[0] <= "\u04ff":
        return _RUSSIAN.sub("", word)
    if "\u0600" <= word[0] <= "\u06ff" and (found := _ARABIC.match(word)):
        return found[1]
    return word
