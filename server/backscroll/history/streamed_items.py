"""The items of a conversation that is too long for memory, read from its file as they are used."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import overload

from backscroll.history.conversation import SourceItem


class StreamedItems(Sequence[SourceItem]):
    """Items that each iteration reads from their file again.

    Iteration takes little memory, whatever the number of items. Access by index reads the file up
    to that item again, so loops must iterate instead.
    """

    def __init__(self, read: Callable[[], Iterator[SourceItem]]) -> None:
        """Create the sequence.

        Args:
            read: reads the items from their file, from the first one. It returns the same items
                each time, or raises `OSError`.
        """
        self._read = read
        self._count: int | None = None

    def __iter__(self) -> Iterator[SourceItem]:
        """Yield the items, oldest first."""
        return self._read()

    def __len__(self) -> int:
        """Return the number of items. The first call reads all of them."""
        if self._count is None:
            self._count = sum(1 for _ in self._read())
        return self._count

    def __bool__(self) -> bool:
        """Return whether there are items. This reads the file up to the first one."""
        return any(True for _ in self._read())

    @overload
    def __getitem__(self, index: int) -> SourceItem: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[SourceItem]: ...

    def __getitem__(self, index: int | slice) -> SourceItem | Sequence[SourceItem]:
        """Return the item at an index, or the items of a slice."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index if index >= 0 else len(self) + index
        for item in islice(self._read(), max(0, at), None):
            if at >= 0:
                return item
        raise IndexError(index)
