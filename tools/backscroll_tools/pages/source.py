"""A source: a list of an upstream, read in chunks by the walk. Each tool defines its own source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from backscroll_tools.client.replies import Reply
from backscroll_tools.models import JSON

Item = TypeVar("Item", bound=Mapping[str, object])
Item_co = TypeVar("Item_co", bound=Mapping[str, object], covariant=True)


@dataclass(frozen=True, slots=True)
class Chunk(Generic[Item_co]):
    """One page of an upstream.

    Attributes:
        items: the items of the kind that the list returns.
        has_more: whether more items follow; None if only another request can tell.
        last: the key that the next page starts after, if it is not the last item's.
        passed: the number of items of other kinds before each item and, as the last entry, after
            all of them; may be empty if there were none.
        warning: a description of the page's flaws; empty if there are none.
        keys: the items' keys, unique in the list, for use in a cursor: 1 to 256 characters that an
            id may have (`requests.ID`). If empty, the items' ids are the keys.
    """

    items: tuple[Item_co, ...]
    has_more: bool | None
    last: str = ""
    passed: tuple[int, ...] = ()
    warning: str = ""
    keys: tuple[str, ...] = ()

    @property
    def keyed(self) -> list[tuple[str, Item_co]]:
        """The items, each with its key."""
        keys = self.keys or tuple([str(item["id"]) for item in self.items])
        return list(zip(keys, self.items, strict=True))

    @classmethod
    def of(
        cls,
        reply: Reply,
        item: Callable[[JSON], Item_co],
        wanted: Callable[[JSON], bool] = lambda _: True,
    ) -> "Chunk[Item_co]":
        """Return a list reply as a page: `item` converts each object that `wanted` accepts."""
        items: list[Item_co] = []
        passed = [0]
        for raw in reply.items:
            if wanted(raw):
                items.append(item(raw))
                passed.append(0)
            else:
                passed[-1] += 1
        last = reply.items[-1]["id"] if passed[-1] else ""
        return cls(tuple(items), reply.has_more, last, tuple(passed), reply.warning)


@dataclass(frozen=True, slots=True)
class Surroundings(Generic[Item_co]):
    """An item of a list, and a page of the items on each side of it.

    Attributes:
        older: the items before it, nearest first.
        named: the item itself.
        newer: the items after it, nearest first.
        ignores_after: whether the upstream ignores `after`, so that the next pages are found in the
            first 100 items of the list.
    """

    older: Chunk[Item_co]
    named: Item_co
    newer: Chunk[Item_co]
    ignores_after: bool = False


class Chunks(Protocol[Item_co]):
    """A list of an upstream, read in one direction."""

    async def chunk(self, after: str, limit: int) -> Chunk[Item_co]:
        """Return up to `limit` (1–100) items after the key `after`; if empty, the first ones."""
        ...


class Source(Chunks[Item_co], Protocol[Item_co]):
    """A list of an upstream, of which single items can be read too."""

    async def item(self, key: str, /) -> Item_co | None:
        """Return one item of the list by its key, or None if it was deleted."""
        ...


class SourceAround(Protocol[Item_co]):
    """A list of an upstream, read on both sides of one of its items."""

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Item_co] | None:
        """Return an item and its neighbours in the list, or None if the list does not contain it.

        Makes at most three requests.

        Args:
            key: the item's key.
            older: the number of items wanted before it; 0 to 100.
            newer: the number of items wanted after it; 0 to 99.
        """
        ...
