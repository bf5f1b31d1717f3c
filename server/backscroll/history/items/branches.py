"""Reads the current branch of a conversation, and on request the abandoned ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import structs

from backscroll.history.conversation import Record, SourceConversation, SourceItem, Unreadable
from backscroll.history.items import tree
from backscroll.history.items.item_list import ItemList
from backscroll.history.items.keys import bounded_key

MOST_BRANCHES: Final = 1_000
"""The maximum number of abandoned branches of a conversation.

Two branches can share messages, which are read again for each branch. Without the limit, the time
to read a conversation could grow with the square of the number of its messages.
"""

_MAX_ID: Final = 128
"""The maximum length of the id of a conversation or message. A hash replaces a longer id."""

_Message = TypeVar("_Message")


def read_branches(  # noqa: PLR0913 - the parts of a tree, and how they are read
    messages: Mapping[str, _Message],
    parents: Mapping[str, str],
    line: Sequence[str],
    *,
    add: Callable[[ItemList, str, _Message], None],
    conversation: Callable[[Sequence[_Message]], SourceConversation],
    position: str,
    abandoned: bool,
    most: int = MOST_BRANCHES,
) -> Iterator[Record]:
    """Yield a conversation with its current branch, then its abandoned branches.

    A message without content gives no item. The items of its children then follow those of its
    parent. An abandoned branch is left out if earlier branches have all its items.

    Args:
        messages: each message by its id.
        parents: the id of each message's parent; empty for a root.
        line: the ids of the current branch.
        add: appends the items of a message.
        conversation: returns the conversation without items, given the messages of a branch.
        position: where the conversation is in its file.
        abandoned: whether to yield the abandoned branches.
        most: the maximum number of abandoned branches. If there are more, an `Unreadable`
            follows.
    """
    current = conversation([messages[each] for each in line])
    current = structs.replace(current, id=bounded_key(current.id, _MAX_ID))
    items = _items(messages, line, add, current)
    if items:
        yield _with_items(current, items)
    else:
        yield Unreadable(position, "has only empty or hidden messages: there is nothing to import")
    if not abandoned:
        return
    others = _others(parents, line, items, lambda branch: _items(messages, branch, add, current))
    for number, (branch, its_items) in enumerate(others, 1):
        if number > most:
            reason = f"has more than {most:,} abandoned branches: only the first {most:,} are read"
            yield Unreadable(position, reason)
            return
        yield structs.replace(
            conversation([messages[each] for each in branch]),
            id=f"{current.id}/{bounded_key(branch[-1], _MAX_ID)}",
            items=its_items,
            created_at=current.created_at or its_items[0].created_at,
            updated_at=its_items[-1].created_at,
            parent=current.id,
            branch=number,
        )


def _others(
    parents: Mapping[str, str],
    line: Sequence[str],
    shown: Sequence[SourceItem],
    items_of: Callable[[Sequence[str]], Sequence[SourceItem]],
) -> Iterator[tuple[Sequence[str], Sequence[SourceItem]]]:
    """Yield each abandoned branch with its items, unless earlier branches have all these items."""
    seen = {item.key for item in shown}
    for branch in tree.other_branches(parents, line):
        items = items_of(branch)
        keys = {item.key for item in items}
        if not keys <= seen:
            seen |= keys
            yield branch, items


def current_branch(
    messages: Mapping[str, _Message],
    parents: Mapping[str, str],
    leaf: str,
    *,
    add: Callable[[ItemList, str, _Message], None],
    time_of: Callable[[_Message], int | None],
) -> list[str]:
    """Return the ids of the branch that ends with `leaf`, or of the newest branch.

    Args:
        messages: each message by its id.
        parents: the id of each message's parent; empty for a root.
        leaf: the id of the branch's last message. If no message has this id, or if its branch has
            no items, the result is the branch that ends with the newest message.
        add: appends the items of a message.
        time_of: returns the time of a message in Unix seconds; None if unknown.
    """
    line = tree.path(parents, leaf)
    if _has_items(messages, line, add):
        return line
    times = {key: time_of(message) for key, message in messages.items()}
    return tree.path(parents, tree.newest_leaf(parents, times))


def _has_items(
    messages: Mapping[str, _Message],
    line: Sequence[str],
    add: Callable[[ItemList, str, _Message], None],
) -> bool:
    items = ItemList(None)
    for each in line:
        add(items, each, messages[each])
        if items:
            return True
    return False


def _items(
    messages: Mapping[str, _Message],
    line: Sequence[str],
    add: Callable[[ItemList, str, _Message], None],
    conversation: SourceConversation,
) -> Sequence[SourceItem]:
    items = ItemList(conversation.created_at)
    for each in line:
        add(items, each, messages[each])
    return items.items()


def _with_items(
    conversation: SourceConversation, items: Sequence[SourceItem]
) -> SourceConversation:
    return structs.replace(
        conversation,
        items=items,
        created_at=conversation.created_at or items[0].created_at,
        updated_at=conversation.updated_at or items[-1].created_at,
    )
