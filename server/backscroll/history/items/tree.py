"""The branches of a conversation whose messages form a tree.

Editing a message, or asking for another answer, adds a sibling. Nothing here is recursive, because
a conversation can be 100,000 messages deep, and each walk ends at a message that it has visited,
because a damaged file can have messages that are their own ancestors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence


def path(parents: Mapping[str, str], leaf: str) -> list[str]:
    """Return the ids from the root to a message.

    Args:
        parents: the id of each message's parent; empty for a root. A parent that is not itself a
            key ends the path.
        leaf: the last id of the path.
    """
    found: dict[str, None] = {}
    while leaf in parents and leaf not in found:
        found[leaf] = None
        leaf = parents[leaf]
    return list(reversed(found))


def newest_leaf(parents: Mapping[str, str], times: Mapping[str, int | None]) -> str:
    """Return the message without children that has the latest time; empty without messages.

    The last one in the file wins if several have the same time or none has a time. If each message
    has children, because the messages form circles, this is the newest message of all.
    """
    inner = set(parents.values())
    leaves = [each for each in parents if each not in inner] or list(parents)
    return max(reversed(leaves), key=lambda leaf: times.get(leaf) or 0, default="")


def other_branches(parents: Mapping[str, str], current: Iterable[str]) -> Iterator[list[str]]:
    """Yield the abandoned branches, each from the root to its last message, in the file's order.

    Each has a message that neither the current branch nor an earlier one has, and each message is
    in one of them.

    Args:
        parents: as for `path`.
        current: the ids of the current branch.
    """
    visited = set(current)
    inner = set(parents.values())
    leaves = [each for each in parents if each not in inner]
    for leaf in (*leaves, *reversed(list(parents))):  # the second part finds messages in circles
        if leaf not in visited:
            branch = path(parents, leaf)
            visited.update(branch)
            yield branch


def parents_in_list(
    messages: Sequence[tuple[str, str]], roots: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Return the parents of messages that are in a list.

    The parent of a message that names none, or one that is not in the list, is the message before
    it. So a list without any parents is one branch, and no message is lost.

    Args:
        messages: the id of each message, and the id of its parent.
        roots: ids that say that a message has no parent.
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
