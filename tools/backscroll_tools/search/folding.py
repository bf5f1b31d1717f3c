"""Folds text: removes differences of case, width, accents and invisible characters.

`Über` folds to `uber`, full-width letters to plain ones, and curly apostrophes to straight ones.
The rules are Unicode's compatibility decomposition (UAX #15) and case folding (The Unicode
Standard, 3.13). Two versions of Python fold a character in the same way, unless one of them does
not know the character yet.
"""

import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import Final

_BLOCK_CHARS: Final = 1_024
"""The length of the blocks into which a text is split, in characters.

To find the original position of a folded character, only its block is folded again.
"""

_REMOVED: Final = re.compile(
    "["
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"  # accents
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"  # Arabic points
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff"  # skin tones, tags
    "]+"
)

_REPLACED: Final = {
    **dict.fromkeys("\u2018\u2019\u201b\u02bb\u02bc\u02b9\u2032", "'"),
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "\u0131": "i",
    "æ": "ae",
    "œ": "oe",
    "\u0671": "\u0627",
    "\u0649": "\u064a",
    "\u06cc": "\u064a",
    "\u0629": "\u0647",  # Arabic
    "\u06a9": "\u0643",
    "\u06c1": "\u0647",
    "\u06d2": "\u064a",
    "\u06be": "\u0647",  # Persian
    # Decimal digits: Arabic, Persian, Devanagari, Bengali, Thai, Lao, Burmese, Khmer.
    **{
        chr(zero + digit): str(digit)
        for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xED0, 0x1040, 0x17E0)
        for digit in range(10)
    },
}
_TO_REPLACE: Final = re.compile(f"[{''.join(_REPLACED)}]")

_JAMO: Final = range(0x1160, 0x1200)
"""The vowels and final consonants of Hangul, which combine with the letter before them."""


def fold(text: str) -> str:
    """Return the folded form of a text. Folding the result again does not change it.

    The running time is linear in the text's length. Any string is accepted, including one with lone
    surrogates.
    """
    if text.isascii():
        return text.lower()
    # An acute accent typed as an apostrophe would decompose to a space.
    text = text.replace("\u00b4", "'")
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    text = _TO_REPLACE.sub(lambda found: _REPLACED[found[0]], _REMOVED.sub("", text))
    return unicodedata.normalize("NFC", text)


class Folded:
    """A folded text that also knows which part of the original text each character comes from.

    Attributes:
        text: the folded text.
    """

    __slots__ = ("_blocks", "_folded_starts", "_offsets", "_raw_starts", "text")

    def __init__(self, raw: str) -> None:
        self._offsets: dict[int, tuple[list[int], list[int]]] = {}
        self._blocks: list[str] = []
        if raw.isascii():
            self.text = raw.lower()
            return
        self._blocks = list(_blocks(raw))
        folded = [fold(block) for block in self._blocks]
        self._raw_starts = list(accumulate(map(len, self._blocks), initial=0))
        self._folded_starts = list(accumulate(map(len, folded), initial=0))
        self.text = "".join(folded)

    def raw_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original text that a span of the folded text comes from.

        Args:
            start: the first character's position in the folded text.
            end: the position after the last character; greater than `start`.
        """
        if not self._blocks:
            return start, end
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, position: int) -> tuple[int, int]:
        # A block that folds to an empty string starts at the same folded position as the next
        # block. If several blocks start at one position, only the last of them is not empty.
        block = bisect_right(self._folded_starts, position) - 1
        if block not in self._offsets:
            self._offsets[block] = _offsets(self._blocks[block])
        starts, ends = self._offsets[block]
        inside, before = position - self._folded_starts[block], self._raw_starts[block]
        return before + starts[inside], before + ends[inside]


def _blocks(raw: str) -> list[str]:
    """Return consecutive parts of a text that can be folded separately."""
    blocks = []
    start = 0
    while start < len(raw):
        end = start + _BLOCK_CHARS
        while end < len(raw) and not begins(raw[end]):
            end += 1
        blocks.append(raw[start:end])
        start = end
    return blocks


def _offsets(block: str) -> tuple[list[int], list[int]]:
    """Return two lists: for each folded character, where its original characters start and end.

    The positions are relative to the start of the block.
    """
    starts: list[int] = []
    ends: list[int] = []
    start = 0
    for end in range(1, len(block) + 1):
        if end == len(block) or begins(block[end]):
            count = len(fold(block[start:end]))
            starts += [start] * count
            ends += [end] * count
            start = end
    return starts, ends


@lru_cache(maxsize=4_096)
def begins(char: str) -> bool:
    """Whether a character is folded independently of the characters before it."""
    first = unicodedata.normalize("NFKD", char)[0]
    joins = unicodedata.combining(first) or unicodedata.category(first).startswith("M")
    return not joins and ord(first) not in _JAMO
