"""Divides conversations that are too long for memory, so that their parts can be imported."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.history.streamed_items import StreamedItems
from backscroll.store.envelopes import JSON

PART_ITEMS: Final = 512
"""The maximum number of items in a part."""

PART_CHARS: Final = 8 * 1024 * 1024
"""About the maximum length of a part, in characters."""


def parts(
    conversation: SourceConversation,
    *,
    most_items: int = PART_ITEMS,
    most_chars: int = PART_CHARS,
) -> Iterator[SourceConversation]:
    """Yield a conversation, or its parts if its items are `StreamedItems`.

    To import the conversation, import the parts in order. Unlike the import of a whole
    conversation, this removes no items from the store.

    Args:
        conversation: the conversation.
        most_items: the maximum number of items in a part.
        most_chars: about the maximum length of a part, in characters.

    Raises:
        OSError: the items cannot be read.
    """
    if not isinstance(conversation.items, StreamedItems):
        yield conversation
        return
    part: list[SourceItem] = []
    chars = 0
    for item in conversation.items:
        part.append(item)
        chars += _chars(item.item)
        if len(part) >= most_items or chars >= most_chars:
            yield replace(conversation, items=tuple(part), is_partial=True)
            part, chars = [], 0
    if part:
        yield replace(conversation, items=tuple(part), is_partial=True)


def _chars(body: JSON) -> int:
    lengths = (len(value) for value in body.values() if isinstance(value, str))
    content = body.get("content")
    texts = content if isinstance(content, list) else ()
    return sum(lengths) + sum(len(str(part.get("text", ""))) for part in texts)
