"""Converts conversations that other programs recorded to the form that the store imports."""

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.store.archive.records import ImportedConversation, ImportedItem


def stored_form(conversation: SourceConversation, now_s: int) -> ImportedConversation:
    """Return a conversation as the store imports it.

    Times after `now_s`, from a clock that was wrong, become `now_s`.

    Args:
        conversation: the conversation as it was read. Its items are iterated once.
        now_s: the time for a conversation that has none, in Unix seconds.
    """
    items = [_item(item, now_s) for item in conversation.items]
    times = [item.created_at for item in items if item.created_at is not None]
    updated_at = _past(conversation.updated_at, now_s)
    created_at = _past(conversation.created_at, now_s)
    first = created_at if created_at is not None else min(times, default=updated_at)
    facts = {
        "title": conversation.title,
        "source": conversation.source,
        "project": conversation.project,
        "model": conversation.model,
        "source_id": conversation.id,
        "parent": conversation.parent,
        "branch": str(conversation.branch or ""),
        **conversation.metadata,
    }
    return ImportedConversation(
        key=import_key(conversation.source, conversation.id),
        created_at=now_s if first is None else first,
        last_active_at=max(times, default=updated_at),
        updated_at=updated_at,
        metadata={name: value for name, value in facts.items() if value},
        items=items,
        is_tail=conversation.is_partial,
    )


def import_key(source: str, source_id: str) -> str:
    """Return the key that identifies a conversation across imports.

    Args:
        source: the name of the program that recorded the conversation.
        source_id: the program's own id of the conversation.
    """
    return f"{source}:{source_id}"


def _item(item: SourceItem, now_s: int) -> ImportedItem:
    return ImportedItem(item.item, created_at=_past(item.created_at, now_s), key=item.key)


def _past(time_s: int | None, now_s: int) -> int | None:
    return None if time_s is None else min(max(time_s, 0), now_s)
