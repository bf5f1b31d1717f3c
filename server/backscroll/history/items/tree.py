"""The branches of a conversation whose messages form a tree.

Editing a message, or asking for another answer, adds a sibling. Nothing here is recursive, because
a conversation can be 100,000 messages deep. In a damaged file, a message can be its own ancestor,
so each walk ends when it comes to the same message again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence


def path(parents: Mapping[str, str], leaf: str) -> list[str]:
    """Return the ids from the root to a message.

    Args:
        parents: the id of each message's parent; empty for a root. A message whose parent is not a
            key of this mapping is a root too.
        leaf: the last id of the path.
    """
    found: dict[str, None] = {}
    while leaf in parents and leaf not in found:
        found[leaf] = None
        leaf = parents[leaf]
    return list(reversed(found))


def newest_leaf(parents: Mapping[str, str], times: Mapping[str, int | None]) -> str:
    """Return the id of the newest message without children; empty if there are no messages.

    If several such messages have the latest time, or none has a time, the result is the last of
    them in the file. If every message has children, because the messages form circles, the result
    is the newest of all messages.
    """
    inner = set(parents.values())
    leaves = [each for each in parents if each not in inner] or list(parents)
    return max(reversed(leaves), key=lambda leaf: times.get(leaf) or 0, default="")


def other_branches(parents: Mapping[str, str], current: Iterable[str]) -> Iterator[list[str]]:
    """Yield the abandoned branches, each from the root to its last message.

    The branches are in the file's order of their last messages. Branches of messages that form a
    circle come last. Each branch has a message that is neither in the current branch nor in an
    earlier abandoned branch. Together with the current branch, they have all messages.

    Args:
        parents: as for `path`.
        current: the ids of the current branch.
    """
    visited = set(current)
    inner = set(parents.values())
    leaves = [each for each in parents if each not in inner]
    # If messages form a circle, no leaf leads to them. So every message is tried after the leaves.
    for leaf in (*leaves, *reversed(list(parents))):
        if leaf not in visited:
            branch = path(parents, leaf)
            visited.update(branch)
            yield branch


def parents_in_list(
    messages: Sequence[tuple[str, str]], roots: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the parents of messages that are in a list.

    If a message names no parent, itself, or a parent that is not in the list, its parent is the
    message before it in the list. So a list without any parents is one branch, and no message is
    lost.

    Args:
        messages: the id of each message, and the id of its parent.
        roots: special ids that stand for "no parent". A message whose parent has one of these ids
            is a root.
    """
    known = {each for each, _ in messages}
    parents: dict[str, str] = {}
    before = ""
    for each, parent in messages:
        if parent in known and parent != each:
            parents[each] = parent
        elif each not in parents:
            parents[each] = "" if parent in roots else before
        before = each
    return parents
