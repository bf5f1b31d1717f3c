"""Reads the text of one very long JSON value, without the middle of its very long strings."""

import re
from typing import Final

from msgspec import Struct, field

BLOCK_CHARS: Final = 256 * 1024
"""The size of the blocks in which text is read and examined, in characters."""

LONG_STRING_CHARS: Final = 1024 * 1024
"""The maximum length of a string, in characters. The middle of a longer string is left out."""

VALUE_CHARS: Final = 64 * 1024 * 1024
"""The maximum length of a value without the omitted parts of its strings, in characters."""

# A possessive quantifier (`*+`) after a character class needs no memory for backtracking. A
# repeated group must not be possessive, because Python before 3.11.5 then matches too much. An
# escape that the end of a block cuts in two is left for the next block.
_IN_STRING: Final = re.compile(r'[^"\\]*+(?:\\(?!u[0-9a-fA-F]{0,3}\Z).[^"\\]*+)*', re.DOTALL)
_BETWEEN_BRACKETS: Final = re.compile(
    r'[^"\[\]{}]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*"[^"\[\]{}]*+)*', re.DOTALL
)


class TooLongError(ValueError):
    """A value is longer than the limit, even without the middle of its long strings."""


class LongValue(Struct):
    """Collects the text of an object, array or string, and finds its end.

    The text is not checked, because the parser reports errors in it.

    Attributes:
        string_chars: the maximum length of a string, in characters.
        value_chars: the maximum length of the text that is kept, in characters.
        ended: whether the end of the value was found.
    """

    string_chars: int = LONG_STRING_CHARS
    value_chars: int = VALUE_CHARS
    ended: bool = False
    _pieces: list[str] = field(default_factory=list)
    _kept: int = 0
    _depth: int = 0
    _in_string: bool = False
    _string_kept: int = 0
    _left_out: int = 0
    _held: str = ""

    def take(self) -> str:
        """Return the kept text, and drop it here, so that it is in memory only once."""
        text = "".join(self._pieces)
        self._pieces.clear()
        return text

    def feed(self, text: str) -> str:
        """Take the next text of any length.

        Returns:
            The text after the end of the value; empty if the value goes on.

        Raises:
            TooLongError: more than `value_chars` would be kept.
        """
        # A long string is cut where a block ends. Small blocks cut it close to `string_chars`.
        for start in range(0, len(text), BLOCK_CHARS):
            block = self._held + text[start : start + BLOCK_CHARS]
            self._held = ""
            end = self._feed(block)
            if self.ended:
                return block[end:] + text[start + BLOCK_CHARS :]
        return ""

    def _feed(self, block: str) -> int:
        position = kept_from = 0
        while position < len(block) and not self.ended:
            if not self._in_string:
                position = self._structure(block, position)
                continue
            start, position = position, end_of_match(_IN_STRING, block, position)
            closed = block[position : position + 1] == '"'
            if self._left_out and closed:
                self._close_gap()
                kept_from = start
            elif self._left_out or self._string_kept + position - start > self.string_chars:
                self._keep(block[kept_from:start])
                self._left_out += position - start
                kept_from = position
                if closed:
                    self._close_gap()
            self._string_kept += position - start
            if closed:
                position += 1
                self._in_string = False
                self.ended = self._depth == 0
            else:  # `block[position:]` is empty, or an escape that the end of the block cuts in two
                self._held = block[position:]
                self._keep(block[kept_from:position])
                return len(block)
        self._keep(block[kept_from:position])
        return position

    def _structure(self, block: str, start: int) -> int:
        """Return the position after the next bracket that is not in a string.

        If a string begins before such a bracket and does not end in `block`, return the position
        after its opening quote.
        """
        end = end_of_match(_BETWEEN_BRACKETS, block, start)
        following = block[end : end + 1]
        if following == '"':
            self._in_string, self._string_kept = True, 0
        elif following:
            self._depth += 1 if following in "[{" else -1
            self.ended = self._depth <= 0
        return end + 1

    def _close_gap(self) -> None:
        self._keep(f" … [{self._left_out:,} characters left out] … ")
        self._left_out = 0

    def _keep(self, text: str) -> None:
        self._kept += len(text)
        if self._kept > self.value_chars:
            raise TooLongError
        self._pieces.append(text)


def end_of_match(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Return the end of the match at `start`; `start` itself if nothing matches."""
    found = pattern.match(text, start)
    return start if found is None else found.end()
