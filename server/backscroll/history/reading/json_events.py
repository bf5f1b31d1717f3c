"""Builds JSON values from a parser's events, for JSON that is deeply nested or cut off."""

from collections.abc import Iterable
from typing import Any, Final

MAX_LEVELS: Final = 20_000
"""The maximum nesting of a value. Reading ends at a deeper part."""

_BLOCK_CHARS: Final = 1024 * 1024


def nested_value(text: str, max_levels: int = MAX_LEVELS) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of JSON whose nesting is too deep for Python's own parser.

    Args:
        text: the JSON.
        max_levels: the maximum nesting.

    Returns:
        The value; None if the JSON is invalid or nested deeper than `max_levels`.
    """
    starts = range(0, len(text), _BLOCK_CHARS)
    blocks = (text[start : start + _BLOCK_CHARS].encode() for start in starts)
    value, complete = start_of_value(blocks, max_levels)
    return value if complete else None


def start_of_value(blocks: Iterable[bytes], max_levels: int = MAX_LEVELS) -> tuple[Any, bool]:
    """Return a JSON value, or as much of it as can be read.

    Args:
        blocks: the JSON text in UTF-8, which may be cut off anywhere.
        max_levels: the maximum nesting. Reading ends at a deeper part.

    Returns:
        The value, and whether it is complete. A value that is cut off has the fields, list items
        and nested values before the cut. It is None if not even its start can be read.
    """
    import ijson

    events = ijson.sendable_list()
    parser = ijson.basic_parse_coro(events, use_float=True)
    value = _Value(max_levels)
    for block in (*blocks, b""):
        try:
            parser.send(block)
        except StopIteration:
            pass
        except ijson.JSONError:
            value.take(events)
            return value.root, False
        if not value.take(events):
            return value.root, False
        del events[:]
    return value.root, value.complete


class _Value:
    """A value under construction."""

    def __init__(self, max_levels: int) -> None:
        self.root: Any = None
        self._max_levels = max_levels
        self._open: list[Any] = []
        self._names: list[str] = []

    @property
    def complete(self) -> bool:
        return not self._open

    def take(self, events: Iterable[tuple[str, Any]]) -> bool:
        """Add the values of `events`. Return false if they are nested too deeply."""
        for event, part in events:
            if event == "map_key":
                self._names[-1] = part
            elif event in {"start_map", "start_array"}:
                if len(self._open) == self._max_levels:
                    return False
                child: Any = {} if event == "start_map" else []
                self._add(child)
                self._open.append(child)
                self._names.append("")
            elif event in {"end_map", "end_array"}:
                self._open.pop()
                self._names.pop()
            else:
                self._add(part)
        return True

    def _add(self, part: object) -> None:
        if not self._open:
            self.root = part
        elif type(self._open[-1]) is dict:
            self._open[-1][self._names[-1]] = part
        else:
            self._open[-1].append(part)
