"""Finds secrets in a text.

Only the parts that can contain a secret are examined. In these, fast substring searches find the
few places to match with patterns.
"""

import string
from collections.abc import Iterator
from typing import Final

from backscroll.history.redaction.assigned import assigned_secrets
from backscroll.history.redaction.framed import framed_secrets
from backscroll.history.redaction.suspects import suspects
from backscroll.history.redaction.tokens import AFTER, BY_START, RUN

Span = tuple[int, int, str]
"""Where a secret starts and ends in a text, and its kind."""

_IN_RUN: Final = frozenset((string.ascii_letters + string.digits + "_-").encode())
_TABLE: Final = bytes(ord("a") if byte in _IN_RUN else ord(" ") for byte in range(256))
_LONG: Final = b"a" * RUN


def secrets_in(text: str) -> list[Span]:
    """Return the secrets of a text by position. They do not overlap.

    Args:
        text: any text. The time that this takes is proportional to its length.
    """
    parts = list(suspects(text))
    if not parts:
        return []
    folded = text.replace("İ", "i").lower()  # only this character becomes longer in lower case
    found: list[Span] = []
    for start, end in parts:
        found += _tokens(text, start, end)
        found += framed_secrets(text, folded, start, end)
        found += assigned_secrets(text, folded, start, end)
    found.sort(key=lambda span: span[0])  # the sort is stable: the most specific kind stays first
    spans: list[Span] = []
    for start, end, kind in found:
        if spans and start < spans[-1][1]:
            first, until, kept = spans[-1]
            spans[-1] = (first, max(until, end), kept)
        else:
            spans.append((start, end, kind))
    return spans


def _tokens(text: str, start: int, end: int) -> Iterator[Span]:
    """Yield the tokens that have a known prefix, and whose run starts in a part of a text."""
    first = max(0, start - 1)
    # One byte for each character, beginning with the last character before the part.
    runs = text[first : end + RUN].encode("latin-1", "replace").translate(_TABLE)
    after = runs.find(b" ") if start else 0  # a run that goes on from before the part is left out
    while after != -1 and -1 < (at := runs.find(_LONG, after)) < end - first:
        yield from _token(text, _token_start(text, first + at))
        after = runs.find(b" ", at + RUN)


def _token_start(text: str, start: int) -> int:
    r"""Return where a token starts, given the start of its run of letters, digits, `_` and `-`.

    The run can begin with the end of an escape: the `n` of `\n`, or the `20` of `%20`.
    """
    before = text[start - 1 : start]
    return start + {"\\": 1, "%": 2}.get(before, 0)


def _token(text: str, start: int) -> Iterator[Span]:
    for token in BY_START.get(text[start : start + 2], ()):
        if match := token.pattern.match(text, start):
            yield *match.span(), token.kind
            return
    if text[start - 1 : start] == ".":
        for token in AFTER:
            begins = start - len(token.before)
            if text.startswith(token.before, max(0, begins)) and (
                match := token.pattern.match(text, begins)
            ):
                yield *match.span(), token.kind
                return
