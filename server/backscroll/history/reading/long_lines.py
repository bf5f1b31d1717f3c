"""Shortens a line of JSON that is too long for memory, as it is read."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from backscroll.history.reading.texts import TEXT_CHARS, binary_note, cut_note

# A possessive quantifier (`*+`) after a character class needs no memory for backtracking. A
# repeated group must not be possessive, because Python before 3.11.5 then matches too much.
_STRING_END: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*', re.DOTALL)
_TORN_ESCAPE: Final = re.compile(rb"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)\Z")
_SAMPLE: Final = 4096
_BLOCK_BYTES: Final = 16 * 1024
"""How much is matched at once, in bytes, because a match needs memory for each escape."""


class TooManyValuesError(ValueError):
    """A line is too long for memory even after its long strings were cut."""


def shortened(chunks: Iterable[bytes], most_bytes: int) -> bytes:
    """Return a line of JSON in which each string of over `TEXT_CHARS` bytes is cut.

    A string that is cut ends with a sentence that gives its length. A string of base64 is replaced
    by its type and size.

    Args:
        chunks: the bytes of the line, in order.
        most_bytes: the maximum length of the result, in bytes. Because a parsed value takes more
            memory than its text, the result can have at most `most_bytes / 16` values.

    Raises:
        TooManyValuesError: the result would be longer, or have more values.
    """
    result = bytearray()
    values = 0
    for piece, is_string in _pieces(chunks):
        if not is_string:
            values += piece.count(b",") + piece.count(b"[") + piece.count(b"{")
        result += piece
        if len(result) > most_bytes or values > most_bytes // 16:
            raise TooManyValuesError
    return bytes(result)


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each piece of a line, and whether it is a string's content. Long content is cut."""
    inside = False
    odd = False
    kept, length = bytearray(), 0
    for chunk in chunks:
        at = 0
        while at < len(chunk):
            if not inside:
                quote = chunk.find(b'"', at)
                end = len(chunk) if quote < 0 else quote + 1
                yield chunk[at:end], False
                inside, at = quote >= 0, end
                kept, length, odd = bytearray(), 0, False
                continue
            start = at
            if odd:  # the chunk before ended with a backslash, which escapes this byte
                at, odd = at + 1, False
            end = _string_end(chunk, at)
            odd = end == len(chunk) - 1 and chunk[end:] == b"\\"
            is_over = end < len(chunk) and not odd
            end = end if is_over else len(chunk)
            length += end - start
            if len(kept) < TEXT_CHARS:
                kept += chunk[start:end]
            at = end
            if is_over:
                yield _cut(bytes(kept), length), True
                inside = False
                yield b'"', False
                at += 1
    if inside:
        yield _cut(bytes(kept), length), True


def _string_end(chunk: bytes, at: int) -> int:
    """Return the position of the quote that ends a string.

    If the string goes on after `chunk`, return the end of `chunk`, or the position of a backslash
    that is its last byte.
    """
    while at < len(chunk):
        found = _STRING_END.match(chunk, at, at + _BLOCK_BYTES)
        at = found.end() if found else at
        if chunk[at : at + 1] == b'"' or chunk[at:] == b"\\":
            break
    return at


def _cut(kept: bytes, length: int) -> bytes:
    if length <= TEXT_CHARS:
        return kept
    start = kept[:_SAMPLE].decode(errors="replace")
    if note := binary_note(start, length):
        return note.encode()
    text = kept[:TEXT_CHARS].decode(errors="ignore").encode()
    if torn := _TORN_ESCAPE.search(text, len(text) - 16):
        text = text[: torn.start(1)]
    return text + cut_note(length, "bytes").encode()
