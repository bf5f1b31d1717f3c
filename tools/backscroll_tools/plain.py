"""Escapes untrusted text, so that a terminal shows all of it and runs no control sequence."""

import re
import unicodedata
from typing import Final

_ASCII: Final = re.compile(r"[\n\t\x20-\x7e]*")
_JOINERS: Final = "\u200c\u200d"
"""The zero-width joiner and non-joiner, which Persian, Indic scripts and many emoji need."""

_ESCAPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal acts on or hides: control and format characters (including the
bidirectional marks, embeddings, overrides and isolates), surrogates, and line and paragraph
separators."""


def is_plain(text: str) -> bool:
    """Whether a text needs no escapes and contains no line ends or tabs."""
    return all(map(_is_plain, text))


def plain(text: str) -> str:
    r"""Return text with control and invisible characters as JSON escapes, such as `\u001b`.

    Line ends (`\n`) and tabs are kept. Escaping a JSON text does not change its value.
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
