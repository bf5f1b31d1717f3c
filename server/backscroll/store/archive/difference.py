"""Compares the stored messages of a conversation with the imported ones, by keys and digests.

A digest is a hash of a message's content. This module does not use the database.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

REMOVED: Final = 0
"""The digest of a message or item that an import removed. A later import can add the message or
item again. This is not possible after a deletion through the API."""


class Known(NamedTuple):
    """A message or item in the store.

    Attributes:
        position: its position in its thread or conversation.
        id: its id.
        key: its import key; None if it has none.
        digest: the hash of the imported content; None if it was written through the API.
        is_deleted: whether it was deleted, through the API or by an import.
        created_at: its time, in Unix seconds; None if it is not known.
    """

    position: int
    id: str
    key: str | None
    digest: int | None
    is_deleted: bool
    created_at: int | None = None

    @property
    def is_imported(self) -> bool:
        """Whether it was imported, and not deleted since."""
        return self.digest is not None and not self.is_deleted


class Given(NamedTuple):
    """A message or item to import.

    Attributes:
        key: its import key; None if its id identifies it.
        id: its id; None if the store creates one.
        digest: the hash of its content.
    """

    key: str | None
    id: str | None
    digest: int


class Placed(NamedTuple):
    """A new or moved message or item. `Difference.placed` determines its position.

    Attributes:
        at: its index in the import.
        known: the stored message or item to move; None if it is new.
    """

    at: int
    known: Known | None


class Difference(Struct, frozen=True):
    """The changes that bring the messages or items of the source into the store.

    Attributes:
        replaced: stored messages or items whose content changed, each with the index of its new
            content in the import.
        removed: stored messages or items that the source no longer has.
        placed: new and moved messages or items, in order. They get positions after all stored
            messages or items. If `has_new_start` is true, the first one gets position 1 instead.
        has_new_start: whether the first of `placed` gets position 1. This is so if no imported
            message or item stays before it, and the one at position 1 is moved or removed.
    """

    replaced: Sequence[tuple[Known, int]] = ()
    removed: Sequence[Known] = ()
    placed: Sequence[Placed] = ()
    has_new_start: bool = False

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.replaced or self.removed or self.placed)

    @property
    def added(self) -> list[int]:
        """The indexes of the new messages or items in the import."""
        return [each.at for each in self.placed if each.known is None]

    @property
    def moved(self) -> list[Known]:
        """The stored messages or items that get another position."""
        return [each.known for each in self.placed if each.known is not None]

    @property
    def written(self) -> list[int]:
        """The indexes in the import of all messages or items with new or changed content."""
        return [*(at for _, at in self.replaced), *self.added]


def compare(known: Sequence[Known], given: Sequence[Given], *, is_tail: bool) -> Difference:
    """Return the changes that bring the messages or items of the source into the store.

    Messages and items that were written through the API are never moved or removed. Messages and
    items that were deleted through the API stay deleted.

    Args:
        known: the messages or items in the store, in order of position.
        given: the messages or items of the source, in its order. No two have the same key or id.
        is_tail: whether `given` has only the last messages or items of the source. If so, nothing
            is removed or moved.
    """
    if not known:
        return Difference([], [], [Placed(index, None) for index in range(len(given))])
    matched = [
        (index, found)
        for index, found in enumerate(_match(known, given))
        if found is None or found.is_imported
    ]
    replaced = [
        (found, index)
        for index, found in matched
        if found is not None and found.digest != given[index].digest
    ]
    if is_tail:
        placed = [Placed(index, None) for index, found in matched if found is None]
        return Difference(replaced, (), placed)
    kept = {found.position for _, found in matched if found is not None}
    imported = [each for each in known if each.is_imported]
    removed = [each for each in imported if each.position not in kept]
    same = _length_of_common_start(
        (each.position for each in imported if each.position in kept),
        (None if found is None else found.position for _, found in matched),
    )
    placed = [Placed(index, found) for index, found in matched[same:]]
    difference = Difference(replaced, removed, placed)
    left = {each.position for each in (*removed, *difference.moved)}
    return replace(difference, has_new_start=same == 0 and bool(placed) and 1 in left)


def _match(known: Sequence[Known], given: Sequence[Given]) -> Iterator[Known | None]:
    """For each of `given`, yield the member of `known` with the same key or id, or None."""
    there = [each for each in known if each.digest != REMOVED]
    by_key = {each.key: each for each in there if each.key is not None}
    by_id = {each.id: each for each in there}
    for each in given:
        found = by_key.get(each.key) if each.key is not None else None
        yield found or (by_id.get(each.id) if each.id is not None else None)


def _length_of_common_start(one: Iterable[int], other: Iterable[int | None]) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
