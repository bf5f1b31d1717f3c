"""The entries that each format is read into: conversations, or refusals with a reason."""

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
    """An entry that cannot be imported.

    Attributes:
        reason: the reason, which contains no message text.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Partly:
    """An entry with fields that cannot be imported; the rest of it can.

    Attributes:
        item: the conversation without those fields.
        left_out: the names of the fields, such as `messages[].weight`.
    """

    item: Imported
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportEntry:
    """One thread, one conversation, one completion, or a refusal.

    Attributes:
        position: its position in its source, such as `line 12`.
        item: the conversation, whole or in part, or the refusal.
        size: its share of `ImportFile.total`, in the same unit.
    """

    position: str
    item: Imported | Partly | Refused
    size: int


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A source of conversations.

    Attributes:
        name: its name, as shown to users.
        entries: the entries, read on demand.
        total: the sum of the sizes of all entries, in any unit; None if unknown.
    """

    name: str
    entries: Iterator[ImportEntry]
    total: int | None
