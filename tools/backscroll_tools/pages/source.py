"""The interface of a list that pages are read from. Each list tool implements it.

A list is read in chunks. A chunk is one page of the upstream.
"""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.replies import Reply
from backscroll_tools.models import JSON

Item = TypeVar("Item", bound=Mapping[str, object])
Item_co = TypeVar("Item_co", bound=Mapping[str, object], covariant=True)


class Chunk(Struct, Generic[Item_co], frozen=True):
    """One page of an upstream.

    Attributes:
        items: the items, without the skipped items.
        has_more: whether more items follow; None if only another request can show this.
        last: the key that the next page starts after; empty if it is the key of the last item.
        passed: for each item, the number of skipped items (such as tool calls in a list of
            messages) directly before it. One more entry counts the skipped items after the last
            item. `passed` may be empty if no item was skipped.
        warning: a description of the page's flaws; empty if it has none.
        keys: the items' keys, which cursors contain. Keys are unique in the list and have the
            format of an id (`requests.ID`), or of `cursor.KEY` in lists whose keys are places. If
            empty, the items' ids are the keys.
        has_places: whether `keys` are places (`client.dialects.Place`) instead of ids. If two pages
            contain the same item, its places differ. So a walk recognizes repeated items by id.
        is_dead_end: whether more items follow, but no request can reach them.
        from_start: whether the page starts with the first item of the list, although it was
            requested after another item.
    """

    items: tuple[Item_co, ...]
    has_more: bool | None
    last: str = ""
    passed: tuple[int, ...] = ()
    warning: str = ""
    keys: tuple[str, ...] = ()
    has_places: bool = False
    is_dead_end: bool = False
    from_start: bool = False

    @property
    def keyed(self) -> list[tuple[str, Item_co]]:
        """The items, each paired with its key."""
        keys = self.keys or tuple([str(item["id"]) for item in self.items])
        return list(zip(keys, self.items, strict=True))

    @property
    def backwards(self) -> "Chunk[Item_co]":
        """The same page in the opposite order."""
        return replace(
            self,
            items=self.items[::-1],
            last="",
            passed=self.passed[::-1],
            keys=self.keys[::-1],
        )

    def then(self, following: "Chunk[Item_co]") -> "Chunk[Item_co]":
        """Return this page and the one that follows it as one page."""
        passed: tuple[int, ...] = ()
        if self.passed or following.passed:
            *first, between = self.passed or (0,) * (len(self.items) + 1)
            before, *others = following.passed or (0,) * (len(following.items) + 1)
            passed = (*first, between + before, *others)
        keys = tuple(key for key, _ in (*self.keyed, *following.keyed))
        return replace(
            following,
            items=(*self.items, *following.items),
            passed=passed,
            warning="; ".join(filter(None, dict.fromkeys((self.warning, following.warning)))),
            keys=keys,
            from_start=self.from_start or following.from_start,
        )

    def following(self, key: str) -> "Chunk[Item_co]":
        """Return the part of the page after the item with this key."""
        start = 1 + next(at for at, (each, _) in enumerate(self.keyed) if each == key)
        return replace(
            self, items=self.items[start:], passed=self.passed[start:], keys=self.keys[start:]
        )

    def passing_fewer(self, count: int) -> "Chunk[Item_co]":
        """Return the same page with `count` fewer skipped items before its first item."""
        before, after = self.passed[:1], self.passed[1:]
        return replace(self, passed=(*(max(0, each - count) for each in before), *after))

    def with_items(self, items: tuple[Item, ...]) -> "Chunk[Item]":
        """Return the same page with other items in place of its items, under the same keys."""
        keys = self.keys or tuple([str(item["id"]) for item in self.items])
        return Chunk(
            items,
            self.has_more,
            self.last,
            self.passed,
            self.warning,
            keys,
            self.has_places,
            self.is_dead_end,
            self.from_start,
        )

    def around(self, key: str) -> "Surroundings[Item_co] | None":
        """Return the item with this key or id, and all items on both sides of it.

        The page must be the whole list, oldest first. Return None if it does not contain the item.
        """
        at = next((n for n, (k, item) in enumerate(self.keyed) if key in {k, item["id"]}), -1)
        if at < 0:
            return None
        keys = tuple(key for key, _ in self.keyed)
        older = Chunk(self.items[:at], has_more=False, passed=self.passed[: at + 1], keys=keys[:at])
        newer = Chunk(
            self.items[at + 1 :], has_more=False, passed=self.passed[at + 1 :], keys=keys[at + 1 :]
        )
        return Surroundings(older.backwards, self.items[at], newer)

    @classmethod
    def of(
        cls,
        reply: Reply,
        item: Callable[[JSON], Item_co],
        wanted: Callable[[JSON], bool] = lambda _: True,
    ) -> "Chunk[Item_co]":
        """Return the chunk for a list reply.

        Args:
            reply: the reply.
            item: converts an object of the reply to an item.
            wanted: returns whether the list includes an object; other objects are skipped.
        """
        items: list[Item_co] = []
        keys: list[str] = []
        passed = [0]
        raw_keys = reply.keys or [raw["id"] for raw in reply.items]
        for key, raw in zip(raw_keys, reply.items, strict=True):
            if wanted(raw):
                items.append(item(raw))
                keys.append(key)
                passed.append(0)
            else:
                passed[-1] += 1
        last = reply.next_after or (raw_keys[-1] if passed[-1] else "")
        return cls(
            tuple(items),
            reply.has_more,
            last,
            tuple(passed),
            reply.warning,
            tuple(keys) if reply.keys else (),
            bool(reply.keys),
            reply.is_dead_end,
        )


class Surroundings(Struct, Generic[Item_co], frozen=True):
    """An item of a list, and the chunks of the list on both sides of it.

    Attributes:
        older: the items that are older than the item, nearest first.
        named: the item itself.
        newer: the items that are newer than the item, nearest first.
        ignores_after: whether the upstream ignores `after`. If so, the next pages are taken from
            the first 100 items of the list.
    """

    older: Chunk[Item_co]
    named: Item_co
    newer: Chunk[Item_co]
    ignores_after: bool = False


class Chunks(Protocol[Item_co]):
    """A list of an upstream, read in one direction."""

    async def chunk(self, after: str, limit: int) -> Chunk[Item_co]:
        """Return the next items of the list.

        Args:
            after: the key of the item after which to start; empty for the start of the list.
            limit: the maximum number of items; 1 to 100.
        """
        ...


class Source(Chunks[Item_co], Protocol[Item_co]):
    """A list of an upstream that can also return a single item."""

    async def item(self, key: str, /) -> Item_co | None:
        """Return one item of the list by its key, or None if it was deleted."""
        ...


class SourceAround(Protocol[Item_co]):
    """A list of an upstream that can be read on both sides of one of its items."""

    async def around(self, key: str, older: int, newer: int) -> Surroundings[Item_co] | None:
        """Return an item and its neighbours in the list, or None if the list does not contain it.

        This takes at most three requests.

        Args:
            key: the item's key.
            older: the number of older items wanted; 0 to 100.
            newer: the number of newer items wanted; 0 to 99.
        """
        ...
