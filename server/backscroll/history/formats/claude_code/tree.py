"""Finds the conversation that the user saw, among all lines of a Claude Code log.

The lines form a tree: when a user goes back and asks something else, the lines of both attempts
stay in the log. Tool calls that run in parallel also make branches, but of the same attempt.
"""

from collections.abc import Iterator

from backscroll.history.formats.claude_code.index import NONE, Index, Kind


def current_lines(index: Index, last_leaf: int = NONE) -> bytearray:
    """Return an array that has 1 at the position of each line of the current branch.

    Args:
        index: the lines.
        last_leaf: the position of the line that the program showed last, or `NONE`. The current
            branch leads through this line to the newest message after it. With `NONE`, the current
            branch leads to the newest message that no sub-agent wrote.
    """
    chosen = bytearray(len(index))
    leaf = _newest(index)
    if last_leaf != NONE and index.groups[last_leaf] == NONE:
        _mark_ancestors(index, leaf, chosen)
        if not chosen[last_leaf]:
            leaf = _newest_below(index, last_leaf)
        chosen = bytearray(len(index))
    _mark_ancestors(index, leaf, chosen)
    _add_parallel(index, chosen)
    return chosen


def abandoned_branches(index: Index, current: bytearray) -> Iterator[bytearray]:
    """Yield the lines of each branch that the user abandoned, newest branch first.

    A branch has no lines of the current branch, and none of the branches that were yielded before.

    Args:
        index: the lines.
        current: the lines of the current branch, from `current_lines`.
    """
    taken = bytearray(current)
    for leaf in range(len(index) - 1, -1, -1):
        if taken[leaf] or index.groups[leaf] != NONE or index.kinds[leaf] != Kind.TURN:
            continue
        branch = bytearray(len(index))
        at = leaf
        while at != NONE and not taken[at]:
            branch[at] = 1
            at = index.parents[at]
        _add_parallel(index, branch, taken)
        for position, is_in in enumerate(branch):
            taken[position] |= is_in
        yield branch


def _newest(index: Index) -> int:
    for position in range(len(index) - 1, -1, -1):
        if index.kinds[position] == Kind.TURN and index.groups[position] == NONE:
            return position
    return NONE


def _newest_below(index: Index, root: int) -> int:
    """Return the position of the newest message among a line and its descendants."""
    below = bytearray(len(index))
    below[root] = 1
    newest = root
    for position in range(root + 1, len(index)):
        parent = index.parents[position]
        if parent != NONE and below[parent]:
            below[position] = 1
            if index.kinds[position] == Kind.TURN:
                newest = position
    return newest


def _mark_ancestors(index: Index, leaf: int, chosen: bytearray) -> None:
    at = leaf
    while at != NONE:
        chosen[at] = 1
        at = index.parents[at]


def _add_parallel(index: Index, chosen: bytearray, taken: bytearray | None = None) -> None:
    """Add to `chosen` the lines that are on other branches only because of parallel tool calls.

    These lines are the missing blocks of messages that are partly in `chosen`, and the outputs of
    all tool calls in `chosen`. Lines in `taken` are not added.
    """
    loose = [
        position
        for position, kind in enumerate(index.kinds)
        if kind == Kind.TURN
        and not chosen[position]
        and index.groups[position] == NONE
        and not (taken is not None and taken[position])
    ]
    if not loose:
        return
    messages = {index.messages[position] for position in loose} - {0}
    outputs = [position for position in loose if index.outputs[position]]
    calls = {call for position in outputs for call in index.calls_of(position)}
    here, called = set[int](), set[int]()
    for position, is_in in enumerate(chosen):
        if is_in and index.messages[position] in messages:
            here.add(index.messages[position])
    for position in loose:
        if index.messages[position] in here:
            chosen[position] = 1
    for position, is_in in enumerate(chosen):
        if is_in and not index.outputs[position]:
            called.update(calls.intersection(index.calls_of(position)))
    for position in outputs:
        if not called.isdisjoint(index.calls_of(position)):
            chosen[position] = 1
