"""What a sync did, counted by source."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from backscroll.store.archive.records import ImportOutcome

NOTHING_NEW: Final = "nothing is new"
"""The line that a sync shows if no file is new or changed."""


class SourceTally(Struct):
    """What a sync did with the conversations of one source.

    Attributes:
        outcomes: how many conversations had each outcome. Conversations that cannot be read are
            `refused`.
        added: the number of new messages and other items.
        replaced: the number of items that changed.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    added: int = 0
    replaced: int = 0
    _last: str = ""

    def count(self, outcome: ImportOutcome, *, is_rest: bool = False) -> None:
        """Count what the store did with a conversation.

        Args:
            outcome: what the store did.
            is_rest: whether this is a further part of the conversation that was counted last.
        """
        if not is_rest or outcome.kind == "refused":
            self.outcomes[outcome.kind] += 1
            self._last = outcome.kind
        elif outcome.kind != self._last == "present":
            self.outcomes["present"] -= 1
            self.outcomes[outcome.kind] += 1
            self._last = outcome.kind
        self.added += outcome.added
        self.replaced += outcome.replaced

    @property
    def read(self) -> int:
        """How many conversations were found, including those that could not be read."""
        return self.outcomes.total()

    def __str__(self) -> str:
        outcomes = self.outcomes
        counts = [f"{outcomes['imported']} imported", f"{outcomes['updated']} updated"]
        counts.append(f"{outcomes['present']} already there")
        counts += [
            f"{outcomes[kind]} {kind}" for kind in ("forgotten", "refused") if outcomes[kind]
        ]
        added = f" ({_count(self.added, 'new item')})" if self.added else ""
        return f"{_count(self.read, 'conversation')}: {', '.join(counts)}{added}"


class SyncTally(Struct):
    """What a sync did.

    Attributes:
        by_source: what it did with each source that had new or changed files, by name.
        redacted: how many secrets of each kind were replaced in new and changed items.
    """

    by_source: defaultdict[str, SourceTally] = field(
        default_factory=lambda: defaultdict(SourceTally)
    )
    redacted: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        """How many conversations were refused, or could not be read."""
        return sum(tally.outcomes["refused"] for tally in self.by_source.values())

    def lines(self) -> Iterator[str]:
        """Yield a sentence for each source, and one for the secrets."""
        if not self.by_source:
            yield NOTHING_NEW
        for name, tally in self.by_source.items():
            yield f"{name}: {tally}"
        if self.redacted:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in self.redacted.most_common())
            yield f"{_count(self.redacted.total(), 'secret')} replaced: {kinds}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
