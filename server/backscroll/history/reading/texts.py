"""Shortens long texts, and replaces the binary content in them."""

from typing import Final

from backscroll_tools.client.abridging import LEAST_CHARS, abridged

TEXT_CHARS: Final = 1024 * 1024
"""The maximum length of a text that is kept whole, in characters."""

TITLE_CHARS: Final = 100
"""The maximum length of a title that is made of a prompt, in characters."""


def kept_text(text: str) -> str:
    """Replace the binary content of a text, and cut the text after `TEXT_CHARS` characters.

    Binary content is replaced by its type and size. To a text that is cut, a sentence is added that
    gives the text's length before the cut.
    """
    if len(text) < LEAST_CHARS:
        return text
    if _has_long_word(text):
        text = abridged({"text": text})["text"]
    if len(text) > TEXT_CHARS:
        return text[:TEXT_CHARS] + cut_note(len(text), "characters")
    return text


def first_words(text: str) -> str:
    """Return the start of a text's first line, of up to `TITLE_CHARS` characters."""
    line = text.strip().partition("\n")[0].strip()
    return line if len(line) <= TITLE_CHARS else line[: TITLE_CHARS - 1].rstrip() + "…"


def binary_note(start: str, length: int) -> str:
    """Return a note such as `[image/png, 70 bytes]` for binary content; empty for other text.

    Binary content is a data URL or base64, of at least `LEAST_CHARS` characters.

    Args:
        start: the whole text, or its first characters.
        length: the length of the whole text, in characters.
    """
    note = abridged({"data": start, "data_chars": length})["data"]
    return note if isinstance(note, str) and note != start else ""


def cut_note(length: int, unit: str) -> str:
    """Return the sentence that ends a text which was cut.

    Args:
        length: the length of the whole text.
        unit: what `length` counts, in the plural.
    """
    return f" […] [This text was cut. It had {length:,} {unit}.]"


def _has_long_word(text: str) -> bool:
    """Return whether a text has `LEAST_CHARS` characters in a row without a space.

    The loop looks for the last space in the next `LEAST_CHARS` characters, and continues after it.
    This is much faster than a regular expression.
    """
    start = 0
    while start + LEAST_CHARS <= len(text):
        last = text.rfind(" ", start, start + LEAST_CHARS)
        if last < 0:
            return True
        start = last + 1
    return False
