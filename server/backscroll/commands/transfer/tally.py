"""What an import did, counted by source."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from backscroll.commands.terminal import counted
from backscroll.store.archive.records import ImportKind, ImportOutcome

OWN: Final = "backscroll"
"""The source of files in Backscroll's own format."""

_COLUMNS: Final[dict[ImportKind, str]] = {
    "imported": "imported",
    "updated": "updated",
    "present": "already there",
    "forgotten": "forgotten",
    "refused": "refused",
}
_SUM: Final = _COLUMNS | {"forgotten": "deleted or forgotten before"}


class ImportTally(Struct):
    """What an import did.

    Attributes:
        by_source: how many conversations of each source had each outcome.
        redacted: how many secrets of each kind were replaced.
        without_content: how many conversations of each source had no messages.
    """

    by_source: defaultdict[str, Counter[ImportKind]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    redacted: Counter[str] = field(default_factory=Counter)
    without_content: Counter[str] = field(default_factory=Counter)

    def count(self, source: str, outcome: ImportOutcome) -> None:
        """Count what was done with a conversation."""
        self.by_source[source][outcome.kind] += 1

    @property
    def counts(self) -> Counter[ImportKind]:
        """How many conversations of all sources had each outcome."""
        return sum(self.by_source.values(), Counter[ImportKind]())

    def __str__(self) -> str:
        counts = self.counts
        always = ("imported", "present", "refused")
        shown = (kind for kind in _SUM if counts[kind] or kind in always)
        return ", ".join(f"{counts[kind]} {_SUM[kind]}" for kind in shown)

    def lines(self) -> Iterator[str]:
        """Yield the lines to show at the end of an import.

        If files of other programs were imported, the first lines are a table with a row for each
        source. In a row, the number under `read` is the sum of the other numbers.
        """
        if set(self.by_source) - {OWN}:
            yield from self._table()
        yield str(self)
        if skipped := self.without_content.total():
            hint = "if the exporting program shows some, request a new export"
            yield f"{skipped:,} without messages: {hint}"
        if self.redacted:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in self.redacted.most_common())
            yield f"{counted(self.redacted.total(), 'secret')} replaced: {kinds}"

    def _table(self) -> Iterator[str]:
        sources = sorted(self.by_source)
        width = max(len("source"), *map(len, sources))
        heads = ["read", *_COLUMNS.values()]
        yield "  ".join(["source".ljust(width), *heads])
        for source in sources:
            counts = self.by_source[source]
            cells = [counts.total(), *(counts[kind] for kind in _COLUMNS)]
            aligned = (str(cell).rjust(len(head)) for cell, head in zip(cells, heads, strict=True))
            yield "  ".join([source.ljust(width), *aligned])
