"""Text that others wrote, on a person's terminal: shown, and never obeyed."""

import re
import sys
import unicodedata
from typing import Final, TextIO

_PLAIN: Final = re.compile(r"[\n\t\x20-\x7e]*")
_JOINERS: Final = "\u200c\u200d"
"""What Persian, the scripts of India and many emoji are written with."""

_OBEYED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of Unicode that a terminal acts upon or hides: controls, formats (the bidirectional
overrides are among them), surrogates, and the separators of lines and paragraphs."""


def escaped(text: str) -> str:
    r"""Return text with what a terminal would obey or hide as JSON writes it, such as `\u001b`.

    Line ends (`\n`) and tabs stay; the result of escaping JSON is the same JSON.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(map(_escaped_character, text))


def write(text: str, stream: TextIO | None = None) -> None:
    """Write text, and a line end where it has none: escaped to a terminal, else verbatim.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    stream = stream or sys.stdout
    end = "" if text.endswith("\n") else "\n"
    stream.write((escaped(text) if stream.isatty() else text) + end)
    stream.flush()


def verbatim(stream: TextIO) -> None:
    """Make a stream carry every text unaltered, whatever the locale and the system."""
    if not stream.isatty() and hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", newline="\n")


def _escaped_character(character: str) -> str:
    if unicodedata.category(character) not in _OBEYED or character in "\n\t" + _JOINERS:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
