"""The English stemmer of the Snowball project, written from the published description.

Source: https://snowballstem.org/algorithms/english/stemmer.html. The rules that Snowball added in
2025 are left out, because the stems of stored messages must not change.
"""

import re
from collections.abc import Mapping
from typing import Final

_REGION: Final = re.compile("[aeiouy][^aeiouy]")
_PREFIX: Final = re.compile("gener|commun|arsen")
_VOWEL: Final = re.compile("[aeiouy]")
_SHORT: Final = re.compile("(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy])$")
_CONSONANT_Y: Final = re.compile("(^|[aeiouy])y")
_FINAL_Y: Final = re.compile("(?<=.[^aeiouy])[yY]$")
_IES: Final = re.compile("..i(?=e[ds]$)|^.?ie(?=[ds]$)")
_DOUBLES: Final = ("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt")
_BEFORE_LI: Final = frozenset("cdeghkmnrt")

_IRREGULAR: Final = {
    "skis": "ski",
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "idly": "idl",
    "gently": "gentl",
    "ugly": "ugli",
    "early": "earli",
    "only": "onli",
    "singly": "singl",
    **{word: word for word in ("sky", "news", "howe", "atlas", "cosmos", "bias", "andes")},
}
_WHOLE: Final = frozenset(
    {"inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed"}
)


class _Endings(dict[str, str]):
    """Endings of words, each with its replacement.

    Attributes:
        lengths: the distinct lengths of the endings, in descending order, by the endings' last
            letter. Most words are compared with no ending, because their last letter is not in
            `lengths`.
    """

    def __init__(self, endings: Mapping[str, str]) -> None:
        super().__init__(endings)
        lengths: dict[str, set[int]] = {}
        for ending in endings:
            lengths.setdefault(ending[-1], set()).add(len(ending))
        self.lengths = {letter: sorted(found, reverse=True) for letter, found in lengths.items()}


_SECOND: Final = _Endings(
    {
        "tional": "tion",
        "enci": "ence",
        "anci": "ance",
        "abli": "able",
        "entli": "ent",
        "izer": "ize",
        "ization": "ize",
        "ational": "ate",
        "ation": "ate",
        "ator": "ate",
        "alism": "al",
        "aliti": "al",
        "alli": "al",
        "fulness": "ful",
        "ousli": "ous",
        "ousness": "ous",
        "iveness": "ive",
        "iviti": "ive",
        "biliti": "ble",
        "bli": "ble",
        "fulli": "ful",
        "lessli": "less",
        "ogi": "og",
        "li": "",
    }
)
_THIRD: Final = _Endings(
    {
        "tional": "tion",
        "ational": "ate",
        "alize": "al",
        "icate": "ic",
        "iciti": "ic",
        "ical": "ic",
        "ful": "",
        "ness": "",
        "ative": "",
    }
)
_FOURTH: Final = _Endings(
    dict.fromkeys(
        (
            *("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent"),
            *("ism", "ate", "iti", "ous", "ive", "ize", "ion"),
        ),
        "",
    )
)
_PAST: Final = _Endings(dict.fromkeys(("eed", "eedly", "ed", "edly", "ing", "ingly"), ""))


def english_stem(word: str) -> str:
    """Return the stem of a word of at least three letters, `a` to `z`."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if "y" in word:
        word = _CONSONANT_Y.sub(r"\1Y", word)
    prefix = _PREFIX.match(word)
    first = prefix.end() if prefix else _region(word, 0)
    second = _region(word, first)
    word = _without_s(word)
    if word in _WHOLE:
        return word
    word = _without_past(word, first)
    if word[-1] in "yY":
        word = _FINAL_Y.sub("i", word)
    word = _second(word, first)
    word = _third(word, first, second)
    word = _fourth(word, second)
    word = _without_end(word, first, second)
    return word.lower() if "Y" in word else word


def _region(word: str, start: int) -> int:
    """Return the position after the first consonant that follows a vowel, from `start` on.

    If there is no such consonant, return the word's length. In the published description, the
    region R1 or R2 starts at this position.
    """
    found = _REGION.search(word, start)
    return found.end() if found else len(word)


def _ending(word: str, endings: _Endings) -> str | None:
    """Return the longest of the given endings that the word ends with, or None."""
    for length in endings.lengths.get(word[-1], ()):
        if (ending := word[-length:]) in endings:
            return ending
    return None


def _without_s(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word[-3:] in {"ied", "ies"} and (found := _IES.search(word)):
        return word[: found.end()]
    if word.endswith("s") and not word.endswith(("us", "ss")) and _VOWEL.search(word[:-2]):
        return word[:-1]
    return word


def _without_past(word: str, first: int) -> str:
    ending = _ending(word, _PAST)
    if ending is None:
        return word
    kept = word.removesuffix(ending)
    if ending.startswith("ee"):
        return f"{kept}ee" if len(kept) >= first else word
    if not _VOWEL.search(kept):
        return word
    if kept.endswith(("at", "bl", "iz")):
        return f"{kept}e"
    if kept.endswith(_DOUBLES):
        return kept[:-1]
    return f"{kept}e" if first >= len(kept) and _SHORT.search(kept) else kept


def _second(word: str, first: int) -> str:
    ending = _ending(word, _SECOND)
    if ending is None or len(word) - len(ending) < first:
        return word
    kept = word.removesuffix(ending)
    if ending == "ogi" and not kept.endswith("l"):
        return word
    if ending == "li" and kept[-1:] not in _BEFORE_LI:
        return word
    return kept + _SECOND[ending]


def _third(word: str, first: int, second: int) -> str:
    ending = _ending(word, _THIRD)
    if ending is None:
        return word
    kept = word.removesuffix(ending)
    return kept + _THIRD[ending] if len(kept) >= (second if ending == "ative" else first) else word


def _fourth(word: str, second: int) -> str:
    ending = _ending(word, _FOURTH)
    if ending is None:
        return word
    kept = word.removesuffix(ending)
    if len(kept) < second or (ending == "ion" and not kept.endswith(("s", "t"))):
        return word
    return kept


def _without_end(word: str, first: int, second: int) -> str:
    kept = word[:-1]
    if word.endswith("e"):
        gone = len(kept) >= second or (len(kept) >= first and not _SHORT.search(kept))
        return kept if gone else word
    return kept if word.endswith("ll") and len(kept) >= second else word
