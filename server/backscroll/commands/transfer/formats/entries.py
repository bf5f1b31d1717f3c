"""The types that the readers of all formats yield: conversations, and refusals with a reason."""

from collections.abc import Iterator
from typing import TypeAlias

from msgspec import Struct

from backscroll.history.conversation import SourceConversation
from backscroll.store.archive.records import (
    ImportedCompletion,
    ImportedConversation,
    ImportedResponse,
    ImportedThread,
)

Imported: TypeAlias = ImportedThread | ImportedConversation | ImportedCompletion | ImportedResponse


class Refused(Struct, frozen=True):
    """An entry that cannot be imported.

    Attributes:
        reason: the reason, which contains no message text.
    """

    reason: str


class Partly(Struct, frozen=True):
    """A conversation that has unknown fields and is imported without them.

    Attributes:
        item: the conversation without its unknown fields.
        left_out: the names of the unknown fields, such as `messages[].weight`.
    """

    item: Imported
    left_out: tuple[str, ...]


class FromProgram(Struct, frozen=True):
    """A conversation that another program recorded.

    Attributes:
        conversation: the conversation as it was read. A fork begins with the items of its parent.
        redacts: whether secrets are replaced.
    """

    conversation: SourceConversation
    redacts: bool


class AllCopied(Struct, frozen=True):
    """A fork whose items are all copied from its parent, so that there is nothing to write."""


Writable: TypeAlias = Imported | AllCopied | Refused
ImportItem: TypeAlias = Writable | Partly | FromProgram


class ImportEntry(Struct, frozen=True):
    """One thread, conversation, completion or response of a source, or a refusal.

    Attributes:
        position: the position of the entry in its source, such as `line 12`; empty for the source
            itself.
        item: the conversation, the part of it that can be imported, or why it is not imported.
        size: the size of the entry, in the unit of `ImportFile.total`.
        replaced: how many characters that cannot be stored became U+FFFD when it was read.
    """

    position: str
    item: ImportItem
    size: int
    replaced: int = 0


class ImportFile(Struct, frozen=True):
    """A source of conversations.

    Attributes:
        name: the source's name, as shown to users.
        entries: the entries, read on demand.
        total: the sum of the sizes of all entries, in bytes or another unit; None if it is unknown.
        source: the name of the format, such as `chatgpt`; for `jsonl` and `chitchat`, it is
            `backscroll`.
    """

    name: str
    entries: Iterator[ImportEntry]
    total: int | None
    source: str = "backscroll"
