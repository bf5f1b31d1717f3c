"""Formats the table of the sources that were found."""

from collections.abc import Sequence
from typing import Final

from backscroll.commands.times import in_utc
from backscroll.history.sources.finding import FoundSource

_HEADER: Final = ("source", "files", "new", "size", "latest (UTC)")
_UNITS: Final = ("B", "kB", "MB", "GB")
_THOUSAND: Final = 1_000


def table(found: Sequence[FoundSource], changed: Sequence[FoundSource]) -> str:
    """Return a table with a line for each source.

    Args:
        found: the files of each source.
        changed: the files that are new or changed since the last sync.
    """
    new = {each.source.name: len(each.files) for each in changed}
    rows = [
        _HEADER,
        *(
            (
                each.source.name,
                f"{len(each.files):,}",
                f"{new.get(each.source.name, 0):,}",
                size(each.size),
                _time(max((file.mtime_ns for file in each.files), default=0)),
            )
            for each in found
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def size(count: int) -> str:
    """Format a number of bytes in the largest unit that fits, such as `1.5 MB`."""
    number = float(count)
    for unit in _UNITS:
        if number < _THOUSAND or unit == _UNITS[-1]:
            break
        number /= _THOUSAND
    return f"{count} B" if unit == "B" else f"{number:.1f} {unit}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers, latest = row
    first, *others, _ = widths
    cells = [text.rjust(width) for text, width in zip(numbers, others, strict=True)]
    return "  ".join((name.ljust(first), *cells, latest))


def _time(mtime_ns: int) -> str:
    return in_utc(mtime_ns // 1_000_000_000) if mtime_ns else ""
