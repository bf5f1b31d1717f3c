"""What the lines that were added to a log add to its conversation."""

from collections.abc import Sequence

from msgspec.structs import replace

from backscroll.history.conversation import Record, SourceConversation, SourceItem, Unreadable


def continued(
    before: SourceConversation,
    after: SourceConversation,
    items: Sequence[SourceItem],
    unreadable: Sequence[Unreadable],
) -> Sequence[Record] | None:
    """Return the records of the added lines, or None if the whole log has to be read.

    Args:
        before: the facts of the conversation before the lines were added. Its items are not used.
        after: the facts after that. Its items are not used.
        items: the items that are new or may have changed.
        unreadable: the added lines that cannot be read.
    """
    if (before.id, before.parent) != (after.id, after.parent):
        return None
    if items:
        return [*unreadable, replace(after, items=items, is_partial=True, is_continued=True)]
    return None if _shown(before) != _shown(after) else unreadable


def _shown(conversation: SourceConversation) -> tuple[object, ...]:
    return (
        conversation.title,
        conversation.project,
        conversation.model,
        dict(conversation.metadata),
    )
