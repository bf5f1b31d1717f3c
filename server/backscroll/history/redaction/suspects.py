"""Finds the parts of a text that can contain a secret, so that only these are examined.

Each detector has a hint: a pattern that matches at least all texts in which the detector finds a
secret. All hints together are one regular expression of Rust's engine in `pydantic_core`. That
engine reads each character once, whatever the number of hints, but tells only whether a text
matches. So long texts are divided into parts.
"""

from collections.abc import Iterator
from typing import Final

from pydantic_core import SchemaValidator, core_schema

from backscroll.history.redaction import assigned, framed, tokens

_CHARS: Final = 8_192
"""The length of a part, in characters."""

MARGIN: Final = 512
"""How many characters before and after a part are matched with it. A hint can need the text around
the start of a secret, but never more of it than this."""

_SAME_LETTERS: Final = (
    ("\N{KELVIN SIGN}", "k"),
    ("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i"),
    ("\N{LATIN SMALL LETTER DOTLESS I}", "i"),
    ("\N{LATIN SMALL LETTER LONG S}", "s"),
)
"""The characters outside ASCII that `re.IGNORECASE` matches like a letter of ASCII."""

_HINTS: Final = rf"(?-u)(?:{tokens.HINT}|(?i:{assigned.HINT}|{framed.HINT}))"
_is_suspect: Final = SchemaValidator(
    core_schema.str_schema(pattern=_HINTS, regex_engine="rust-regex")
).isinstance_python


def suspects(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a text that can contain the start of a secret begin and end.

    The parts are in order, and do not touch each other.
    """
    if not text.isascii():
        # The hints are for ASCII.
        for letter, ascii_letter in _SAME_LETTERS:
            text = text.replace(letter, ascii_letter)
        text = text.encode("ascii", "replace").decode()  # all others become `?`
    if len(text) <= _CHARS:
        if _is_suspect(text):
            yield 0, len(text)
        return
    start = None
    for at in range(0, len(text), _CHARS):
        if _is_suspect(text[max(0, at - MARGIN) : at + _CHARS + MARGIN]):
            start = at if start is None else start
        elif start is not None:
            yield start, at
            start = None
    if start is not None:
        yield start, len(text)
