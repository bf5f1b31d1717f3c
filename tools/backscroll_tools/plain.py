"""Text that others wrote, where it is shown: nothing in it is obeyed or hidden."""

import re
import unicodedata
from typing import Final

_ASCII: Final = re.compile(r"[\n\t\x20-\x7e]*")
_JOINERS: Final = "\u200c\u200d"
"""What Persian, the scripts of India and many emoji are written with."""

_OBEYED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of Unicode that a terminal acts upon or hides: controls, formats (the bidirectional
marks, embeddings, overrides and isolates are among them), surrogates, and the separators of lines
and paragraphs."""


def is_plain(text: str) -> bool:
    """Whether a text has nothing in it that is obeyed or hidden; line ends and tabs are not."""
    return all(map(_is_plain, text))


def plain(text: str) -> str:
    r"""Return text with what is obeyed or hidden as JSON writes it, such as `\u001b`.

    Line ends (`\n`) and tabs stay; the result of escaping JSON is the same JSON.
    """
    if _ASCII.fullmatch(text):
        return text
    return "".join(one if _is_plain(one) or one in "\n\t" else _escaped(one) for one in text)


def _is_plain(character: str) -> bool:
    return unicodedata.category(character) not in _OBEYED or character in _JOINERS


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
