"""Compares what the store has of a conversation with what is imported, by keys and digests.

Nothing here reads or writes the database, and no bodies are compared.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

REMOVED: Final = 0
"""The digest of a message or item that an import removed. An import can bring it back, unlike one
that was deleted through the API."""


class Known(NamedTuple):
    """A message or item that the store has.

    Attributes:
        position: its position in its thread or conversation.
        id: its id.
        key: its import key; None if it has none.
        digest: the hash of what was imported; None if it was written through the API.
        is_deleted: whether it was deleted, through the API or by an import.
    """

    position: int
    id: str
    key: str | None
    digest: int | None
    is_deleted: bool

    @property
    def is_imported(self) -> bool:
        """Whether it was imported, and not deleted since."""
        return self.digest is not None and not self.is_deleted


class Given(NamedTuple):
    """A message or item to import.

    Attributes:
        key: its import key; None if its id identifies it.
        id: its id; None if the store is to create one.
        digest: the hash of its content.
    """

    key: str | None
    id: str | None
    digest: int


class Placed(NamedTuple):
    """A message or item that comes after all others, or at the first position.

    Attributes:
        at: its index among the given ones.
        known: the one that is moved; None if it is new.
    """

    at: int
    known: Known | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How the store's messages or items become those of the source.

    Attributes:
        replaced: those whose content changed, each with the index of its new content.
        removed: those that the source no longer has.
        placed: those that are new or moved, in order. They come after all others.
        has_new_start: whether the first of `placed` gets position 1, which another one has left.
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
        """The indexes of those that are new."""
        return [each.at for each in self.placed if each.known is None]

    @property
    def moved(self) -> list[Known]:
        """Those that get another position."""
        return [each.known for each in self.placed if each.known is not None]

    @property
    def written(self) -> list[int]:
        """The indexes of those whose content is written: the replaced and the new ones."""
        return [*(at for _, at in self.replaced), *self.added]


def compare(known: Sequence[Known], given: Sequence[Given], *, is_tail: bool) -> Difference:
    """Return how `known` becomes `given`.

    Those that were written through the API always stay where they are. Those that were deleted
    through the API stay deleted.

    Args:
        known: those that the store has, in order of position.
        given: those of the source, in the order of the source, each with another key or id.
        is_tail: whether `given` has only the last ones of the source. If so, none is removed or
            moved.
    """
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
    """Yield, for each of `given`, the one of `known` with its key, or with its id."""
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
