"""Prepares a conversation for the store: without the items that it copied, and without secrets."""

import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping

from msgspec import Struct

from backscroll.history.conversation import SourceConversation
from backscroll.history.redaction.redacting import redacted
from backscroll.history.stored_form import stored_form
from backscroll.history.sync.lineage import Lineage
from backscroll.history.sync.parts import parts
from backscroll.store.archive.records import ImportedConversation

Secrets = Mapping[str, Counter[str]]
"""How many secrets of each kind were replaced in each item, by the item's key."""


class StoredParts(Struct, frozen=True):
    """A conversation in the form that the store imports.

    Attributes:
        parts: the conversation, or the parts of one that is too long for memory, in order. Reading
            the next part can raise `OSError`.
        secrets: the secrets of the parts that were read.
    """

    parts: Iterator[ImportedConversation]
    secrets: Secrets


async def stored_parts(
    record: SourceConversation,
    lineage: Lineage,
    pending: Iterable[ImportedConversation],
    *,
    redact: bool,
) -> StoredParts | None:
    """Return a conversation without copied items and secrets, or None if all its items are copies.

    Args:
        record: the conversation as it was read.
        lineage: recognises forks, whose copies are left out.
        pending: the conversations that were read before and are not written yet.
        redact: whether to replace secrets.
    """
    own = await lineage.own_part(record, pending)
    if own is None:
        return None
    secrets: Secrets = {}
    if redact:
        own, secrets = redacted(own)
    now_s = int(time.time())
    return StoredParts((stored_form(part, now_s) for part in parts(own)), secrets)


def of_written(secrets: Secrets, written: Container[str | None]) -> Counter[str]:
    """Return how many secrets of each kind the written items have.

    Args:
        secrets: the secrets of a conversation.
        written: the keys of its new and changed items.
    """
    return sum((kinds for key, kinds in secrets.items() if key in written), Counter[str]())
