"""Conversations that other programs recorded, in the form in which the store takes them."""

from typing import Final

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.store.archive.records import ImportedConversation, ImportedItem

_PARENT: Final = "parent"


def stored_form(conversation: SourceConversation, now_s: int) -> ImportedConversation:
    """Return a conversation as the store imports it.

    Args:
        conversation: the conversation as it was read.
        now_s: its time if it has none, in Unix seconds.
    """
    times = (conversation.created_at, conversation.updated_at, now_s)
    created_at = next(time for time in times if time is not None)
    branch = f":{conversation.branch}" if conversation.branch else ""
    facts = {
        "title": conversation.title,
        "source": conversation.source,
        "project": conversation.project,
        "model": conversation.model,
        "source_id": conversation.id,
        _PARENT: conversation.parent,
        "branch": str(conversation.branch or ""),
        **conversation.metadata,
    }
    return ImportedConversation(
        key=f"{conversation.source}:{conversation.id}{branch}",
        created_at=created_at,
        last_active_at=conversation.updated_at,
        metadata={name: value for name, value in facts.items() if value},
        items=[_item(item) for item in conversation.items],
    )


def _item(item: SourceItem) -> ImportedItem:
    return ImportedItem(item.item, created_at=item.created_at, key=item.key)
