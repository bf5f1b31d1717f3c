"""Forks: conversations that begin with a copy of another conversation's items."""

from collections.abc import Callable, Container, Iterable, Sequence
from itertools import dropwhile

from msgspec.structs import replace

from backscroll.history.conversation import SourceConversation, SourceItem
from backscroll.history.reading.texts import first_words
from backscroll.history.streamed_items import StreamedItems


def without_copies(
    conversation: SourceConversation, parent: str, copied: Container[str]
) -> SourceConversation:
    """Return a fork without the items at its start that were copied.

    Args:
        conversation: the fork as it was read.
        parent: the id of the conversation from which it was forked.
        copied: the keys of the items of the parent, and of the conversations from which the parent
            itself was forked.
    """
    return _later(conversation, parent, lambda item: item.key in copied)


def from_first_own(
    conversation: SourceConversation, parent: str, own: Container[str]
) -> SourceConversation:
    """Return a fork without the items before the first item in `own`.

    Args:
        conversation: the fork as it was read.
        parent: the id of the conversation from which it was forked.
        own: the keys of the fork's items that an earlier import stored. None of them is a copy.
    """
    return _later(conversation, parent, lambda item: item.key not in own)


def _later(
    conversation: SourceConversation, parent: str, is_left_out: Callable[[SourceItem], bool]
) -> SourceConversation:
    items = conversation.items
    own: Sequence[SourceItem]
    if isinstance(items, StreamedItems):
        own = StreamedItems(lambda: dropwhile(is_left_out, items))
    else:
        own = tuple(dropwhile(is_left_out, items))
    title = conversation.title
    if title == _first_prompt(items):  # that prompt was copied from the parent
        title = _first_prompt(own)
    return replace(conversation, parent=parent, items=own, title=title)


def _first_prompt(items: Iterable[SourceItem]) -> str:
    for item in items:
        body = item.item
        if body.get("role") == "user" and isinstance(body.get("content"), str):
            return first_words(body["content"])
    return ""
