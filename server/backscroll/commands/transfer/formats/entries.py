"""What every format is read to: conversations one by one, and what was refused in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedThread,
)

Imported: TypeAlias = ImportedThread | ImportedConversation | ImportedCompletion


@dataclass(frozen=True, slots=True)
class Refused:
    """What cannot be imported.

    Attributes:
        reason: one sentence for a person; it quotes no message text.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class ImportEntry:
    """One thread, one conversation, one completion, or a refusal.

    Attributes:
        place: where it stands in its source, such as `line 12`.
        item: what it is.
        size: how much of `ImportFile.total` was read for it.
    """

    place: str
    item: Imported | Refused
    size: int


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file of conversations, open.

    Attributes:
        name: as a person calls it.
        entries: read as they are taken.
        total: what the sizes of all entries add up to, in any unit; None where it is not known.
    """

    name: str
    entries: Iterator[ImportEntry]
    total: int | None
