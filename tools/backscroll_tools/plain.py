"""Escapes untrusted text, so that a terminal shows all of it and acts on no control sequence."""

import re
import unicodedata
from typing import Final

_ASCII: Final = re.compile(r"[\n\t\x20-\x7e]*")
_JOINERS: Final = "\u200c\u200d"
"""The zero-width non-joiner and joiner. They are not escaped, because Persian, Indic scripts and
emoji need them."""

_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""The Unicode categories of characters that a terminal acts on or does not show: control and format
characters (including all that change the direction of text), surrogates, and line and paragraph
separators."""


def is_plain(text: str) -> bool:
    """Whether a text needs no escapes and contains neither line ends nor tabs."""
    return all(map(_is_plain, text))


def plain(text: str) -> str:
    r"""Return text in which JSON escapes such as `\u001b` replace control and invisible characters.

    Line ends (`\n`) and tabs are kept. If the text is JSON, its value does not change.
    """
    if _ASCII.fullmatch(text):
        return text
    return "".join(
        character if _is_plain(character) or character in "\n\t" else _escaped(character)
        for character in text
    )


def _is_plain(character: str) -> bool:
    return unicodedata.category(character) not in _ESCAPED or character in _JOINERS


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
