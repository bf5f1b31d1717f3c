"""Builds a page around one item of a list. The item is in the middle, between its neighbours.

The page is filled from the middle, so if not all items fit, the outermost items are left out. The
page has two cursors: one for the items before the page, and one for the items after it.
"""

import math
from itertools import zip_longest
from typing import Generic

import anyio
from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.client.profiles import PAGE_ITEMS
from backscroll_tools.errors import ToolError
from backscroll_tools.pages.bound import BoundedPage
from backscroll_tools.pages.cursor import ListPosition, encode
from backscroll_tools.pages.frame import Shape
from backscroll_tools.pages.pieces import previewed
from backscroll_tools.pages.source import Chunk, Item, SourceAround, Surroundings
from backscroll_tools.pages.stop import Stop
from backscroll_tools.pages.walk import Walk, too_late
from backscroll_tools.spans import span
from backscroll_tools.tool import Bounds, Call, Result


async def read_around(
    call: Call, shape: Shape, start: ListPosition, source: SourceAround[Item], limit: int
) -> Result:
    """Return the page around the item that a position names, oldest first.

    Args:
        call: the call, whose limits apply to the page.
        shape: the shape of the result.
        start: the position of the item. Its `position` is the item's key, and its `order` is `asc`.
        source: the list that contains the item.
        limit: the maximum number of items, including the item in the middle; 1–500. Each side has
            at most 100 items, because it is read with one request.

    Raises:
        ToolError: `not_found` if the list does not contain the item; `deadline_exceeded`; the
            upstream's failure.
    """
    older, newer = limit // 2, (limit - 1) // 2
    sides = min(older, PAGE_ITEMS), min(newer, PAGE_ITEMS - 1)
    found: Surroundings[Item] | None = None
    with span("walk", {"backscroll.limit": limit}):
        with anyio.CancelScope(deadline=call.ends_at) as scope:
            found = await source.around(start.position, *sides)
        if scope.cancelled_caught:
            raise too_late()
        if found is None:
            raise _not_found(start)
        start = replace(start, ignores_after=found.ignores_after)
        above = await _side(found.older, start.position, older)
        below = await _side(found.newer, start.position, newer)
    return _PageAround(shape, start, call.bounds, above, below).filled(found.named)


class _Side(Struct, Generic[Item], frozen=True):
    """The items on one side of the item in the middle, nearest first.

    Attributes:
        items: the items, each with its key and with the number of skipped items (such as tool
            calls in a list of messages) between it and the item in the middle.
        stop: the reason why this side has no further items.
    """

    items: list[tuple[Item, str, int]]
    stop: Stop

    def end(self, shown: int) -> tuple[str, Stop]:
        """Return where and why this side of the page ends.

        Args:
            shown: the number of items of this side that are on the page.

        Returns:
            The key that the next page in this direction starts after, and the reason. The key may
            be empty if no item of this side is on the page.
        """
        _, key, passed = self.items[shown - 1] if shown else (None, "", 0)
        if shown == len(self.items):
            return self.stop.last or key, self.stop
        return key, Stop("size", has_more=True, passed=passed)


class _Read(Struct, Generic[Item], frozen=True):
    """Serves one page of an upstream, which was read earlier, as if it were a list."""

    page: Chunk[Item]

    async def chunk(self, after: str, limit: int) -> Chunk[Item]:  # noqa: ARG002 - required by `Chunks`
        return self.page


async def _side(page: Chunk[Item], named: str, limit: int) -> _Side[Item]:
    """Return the items on one side of the named item. `Walk` checks them as it checks any list."""
    items: list[tuple[Item, str, int]] = []

    def take(item: Item, key: str, passed: int) -> bool:
        items.append((item, key, passed))
        return True

    walk = Walk(limit, requests=1, ends_at=math.inf)
    return _Side(items, await walk.over(_Read(page), named, take, lambda _: True))


class _PageAround(BoundedPage, Generic[Item]):
    """A page that is filled from one item in the middle towards both ends.

    Args:
        shape: the shape of the result.
        start: the position of the item in the middle.
        bounds: the call's limits.
        above: the items before that item.
        below: the items after it.
    """

    def __init__(
        self,
        shape: Shape,
        start: ListPosition,
        bounds: Bounds,
        above: _Side[Item],
        below: _Side[Item],
    ) -> None:
        super().__init__(shape, start, bounds)
        self._grows_upwards = True
        self._above, self._below = above, below
        # Until the page is complete, use the longest possible cursors, to reserve enough space.
        keys = (start.position, above.stop.last, *(key for _, key, _ in above.items))
        self._frame.previous_cursor = self._previous_from(max(keys, key=len))
        self._frame.longest_cursor = encode(replace(start, position=below.stop.last))

    def filled(self, named: Item) -> Result:
        """Add the item in the middle, then its neighbours, nearest first, until the page is full.

        Return the page.
        """
        above, below = self._above, self._below
        passed = above.stop.passed + below.stop.passed
        is_whole = is_open_above = is_open_below = self.take(named, self._position, passed)
        shown_above = shown_below = 0
        for older, newer in zip_longest(above.items, below.items):
            is_open_above = is_open_above and older is not None and self._take_above(older[0])
            shown_above += is_open_above
            is_open_below = (
                is_open_below and newer is not None and self.take(newer[0], newer[1], passed)
            )
            shown_below += is_open_below
        key, before = above.end(shown_above)
        self._frame.previous_cursor = (
            self._previous_from(key or self._start.position) if before.has_more else ""
        )
        _, after = below.end(shown_below) if is_whole else ("", Stop("size", has_more=True))
        after = replace(after, ignores_after=self._start.ignores_after)
        return self.result(after.passing(before.passed).warned(before.warning))

    def _take_above(self, item: Item) -> bool:
        """Add an item, or its preview, above the others if it fits. Return whether it was added."""
        shown = previewed(item, self._start.preview) if self._start.preview else item
        cost = self._cost(shown)
        if cost > self._room(self._position):
            return False
        self._used += cost
        self._items.insert(0, dict(shown))
        return True

    def _previous_from(self, position: str) -> str:
        return encode(replace(self._start, position=position, backward=True))


def _not_found(start: ListPosition) -> ToolError:
    of_run = " or, with run_id, belongs to another run" if "run_id" in dict(start.filters) else ""
    return ToolError(
        "not_found",
        f"Message {start.position} was not found in {start.owner}.",
        next_step=(
            f"If it was deleted{of_run}, pass the id of another message as around, or leave around "
            "out."
        ),
    )
