"""Replaces characters that cannot be stored, so that one of them does not stop an import."""

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from backscroll.store.request_body import why_unstorable

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
MAX_PAIRS: Final = 16
MAX_NAME: Final = 64
MAX_VALUE: Final = 512
"""The limits of metadata: the number of pairs, and of characters in a name and in a value."""

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def storable(value: Any) -> tuple[Any, int]:  # noqa: ANN401 - any JSON value
    """Return `value` without characters that no database can store, and how many there were.

    Each NUL character and lone surrogate becomes U+FFFD, in texts and in the names of fields. If
    two names become the same, the later field is kept. `value` itself is not changed.

    Args:
        value: any JSON value. A value that is nested too deeply, or has a number that is not
            finite, is returned unchanged.
    """
    if isinstance(value, str):
        return _UNSTORABLE.subn(REPLACEMENT, value)
    reason = why_unstorable(value)
    return _repaired(value) if reason is not None and "a string" in reason else (value, 0)


def storable_metadata(metadata: Mapping[str, str]) -> tuple[dict[str, Any], int]:
    """Return metadata within the limits, and how many characters became U+FFFD.

    The first `MAX_PAIRS` pairs are kept. A name is cut to `MAX_NAME` characters, and a value to
    `MAX_VALUE`. Values that are not strings are not changed.
    """
    found, count = storable(dict(islice(metadata.items(), MAX_PAIRS)))
    return {name[:MAX_NAME]: _cut(value) for name, value in found.items()}, count


def _cut(value: object) -> object:
    return value[:MAX_VALUE] if isinstance(value, str) else value


def _repaired(value: Any) -> tuple[Any, int]:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return _UNSTORABLE.subn(REPLACEMENT, value)
    if isinstance(value, list | tuple):
        parts = [_repaired(each) for each in value]
        return [part for part, _ in parts], sum(count for _, count in parts)
    if isinstance(value, dict):
        pairs = [(_repaired(name), _repaired(each)) for name, each in value.items()]
        total = sum(of_name + of_value for (_, of_name), (_, of_value) in pairs)
        return {name: each for (name, _), (each, _) in pairs}, total
    return value, 0
