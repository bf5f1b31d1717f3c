"""Builds pages whose size in characters never exceeds a limit.

A result's size is the length of its text plus the length of its structured content as compact
JSON. A page ends between two items. An item that is longer than a page is split into pieces, and
the cursor of each page continues inside the item.
"""

from collections.abc import Mapping
from itertools import chain

from msgspec.structs import replace

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON
from backscroll_tools.pages.cursor import Inside, ListPosition, encode
from backscroll_tools.pages.frame import Frame, Shape
from backscroll_tools.pages.pieces import ever_shorter, piece, previewed, reading
from backscroll_tools.pages.stop import Stop
from backscroll_tools.render import (
    MARK_CHARS,
    all_lines,
    compact,
    heading,
    lines,
    marked,
    unused_prefix,
    with_short_ids,
)
from backscroll_tools.tool import Bounds, Result


class BoundedPage:
    """A page that accepts items until it is full.

    Args:
        shape: the shape of the result.
        start: the position that the page starts from.
        bounds: the call's limits. Only two are used: `result_chars` is the maximum length of the
            result, and `output` decides which parts of the result are counted.
    """

    def __init__(self, shape: Shape, start: ListPosition, bounds: Bounds) -> None:
        self._shape = shape
        self._bounds = bounds
        self._items: list[JSON] = []
        self._lines: list[list[str]] = []
        self._used = 0
        self._passed = 0
        self._start = start
        self._grows_upwards = start.backward
        self._position = start.position
        self._inside = start.inside
        self._frame = Frame(shape, start, bounds)

    @property
    def returned(self) -> int:
        """The number of items, or pieces of items, on the page."""
        return len(self._items)

    def take(self, item: Mapping[str, object], key: str, passed: int) -> bool:
        """Add an item if it fits. Return whether the page can take more items.

        If `start.preview` is set, the item's preview is added in place of the item. An item that
        does not fit is left for the next page, unless it is the first item of this page. Then a
        piece of the item is added, or a preview that is shortened until it fits.

        Args:
            item: the item.
            key: the item's key in the list.
            passed: the number of items (such as tool calls) that this page has skipped so far.

        Raises:
            ToolError: `invalid_arguments` if not even a piece or the shortest preview of the first
                item fits.
        """
        self._passed = passed
        shown = previewed(item, self._start.preview) if self._start.preview else item
        if self._takes(shown, key):
            return True
        if self._items:
            return False
        if not self._start.preview:
            start = Inside(0, with_fields=self._fields_too_long(item, key))
            return self._add_piece(item, key, start)
        if not any(self._takes(shorter, key) for shorter in ever_shorter(shown)):
            raise _too_small("An item", self._bounds.result_chars)
        return True  # so that the walk goes on, and finds out whether the list ends here

    def _takes(self, item: Mapping[str, object], key: str) -> bool:
        """Add an item if it fits, and return whether it did."""
        room = self._room(key)
        if len(str(item.get("text", ""))) > room:
            return False  # checked first, so that a long text is not copied
        unmarked = self._lines_of(item)
        cost = self._cost(item, unmarked)
        if cost > room:
            return False
        self._add(item, unmarked, cost, key)
        return True

    def take_rest(self, item: Mapping[str, object]) -> bool:
        """Add the rest of an item that started on an earlier page, or as much of it as fits.

        Return whether the item is now complete, so that the page can take more items.

        Raises:
            ToolError: `invalid_arguments` if not even a piece of the item fits.
        """
        inside = self._inside or Inside(0)
        if inside.offset >= len(reading(item, with_fields=inside.with_fields)):
            self._inside = None
            return True
        return self._add_piece(item, self._position, inside)

    def skip_rest(self) -> None:
        """Leave out the rest of an item that started on an earlier page."""
        self._inside = None

    def fits(self, stop: Stop) -> bool:
        """Whether the page would be within its limit if reading the list ended with `stop`."""
        position = stop.last or self._position
        frame = self._frame.reserved(len(self._items), stop.passed, position, self._inside)
        return self._used + frame <= self._bounds.result_chars

    def result(self, stop: Stop) -> Result:
        """Return the page as a tool's result.

        Args:
            stop: the reason why reading the list ended.

        Raises:
            ToolError: `invalid_arguments` if the limit is too small even for an empty page.
        """
        more = stop.has_more or self._inside is not None
        next_start = self._position_after(stop.last or self._position, self._inside)
        next_start = replace(next_start, ignores_after=stop.ignores_after)
        cursor = encode(next_start) if more and stop.reachable else None
        stop = stop if stop.has_more == more else replace(stop, has_more=more)
        page = self._frame.page(len(self._items), stop, cursor)
        items = self._items[::-1] if self._start.backward else self._items
        texts = [text for item in items if isinstance(text := item.get("text"), str)]
        mark = unused_prefix(texts)
        head = heading(mark, page, self._shape.noun)
        if not items and self._frame.framed(head, page) > self._bounds.result_chars:
            raise _too_small("The heading of a page", self._bounds.result_chars)
        return Result(
            head + marked(mark, self._all_lines(items)), self._frame.structured(page, items)
        )

    def _all_lines(self, items: list[JSON]) -> list[str]:
        """Return the lines of the items in the order in which they are shown."""
        # An agent that needs whole ids passes preview_chars=1 (`render.WHOLE_IDS`).
        short_ids = self._shape.short_ids and self._start.preview != 1
        if self._bounds.output == "structured":
            return []
        # Short ids are not longer than the whole ids whose characters `_cost` has counted.
        if self._grows_upwards:
            return all_lines(items, self._shape.noun, short_ids=short_ids)
        shown = with_short_ids(self._lines, items) if short_ids else self._lines
        return list(chain.from_iterable(shown))

    def _position_after(self, position: str, inside: Inside | None) -> ListPosition:
        return replace(self._start, position=position, inside=inside)

    def _room(self, position: str, inside: Inside | None = None) -> int:
        """Return how many characters the next item may add if the page ends with it.

        Args:
            position: the item's key.
            inside: the offset in the item at which the next page would continue, if any.
        """
        frame = self._frame.reserved(len(self._items) + 1, self._passed, position, inside)
        return self._bounds.result_chars - self._used - frame

    def _lines_of(self, item: Mapping[str, object]) -> list[str]:
        """Return the lines of the next item; an empty list if the host does not want the text."""
        if self._bounds.output == "structured":
            return []
        # If the page grows upwards, the item that will be above this one is not known yet.
        above = self._items[-1] if self._items and not self._grows_upwards else None
        return lines(item, self._shape.noun, above)

    def _cost(self, item: Mapping[str, object], unmarked: list[str] | None = None) -> int:
        """Return how many characters an item adds to the result, including a comma in the JSON."""
        unmarked = self._lines_of(item) if unmarked is None else unmarked
        text = sum(map(len, unmarked)) + MARK_CHARS * len(unmarked)
        return text + (len(compact(item)) + 1 if self._bounds.output != "text" else 0)

    def _add(
        self,
        item: Mapping[str, object],
        unmarked: list[str],
        cost: int,
        position: str,
        inside: Inside | None = None,
    ) -> None:
        self._used += cost
        self._items.append(dict(item))
        self._lines.append(unmarked)
        self._position, self._inside = position, inside

    def _fields_too_long(self, item: Mapping[str, object], key: str) -> bool:
        """Whether the item's fields leave less than half of the page for its text."""
        return self._cost({**item, "text": ""}) > self._room(key) // 2

    def _add_piece(self, item: Mapping[str, object], position: str, start: Inside) -> bool:
        """Add as much of an item as fits, from `start` on. Return whether the item is complete."""
        whole = reading(item, with_fields=start.with_fields)
        total = len(whole)
        room = self._room(position, replace(start, offset=total))

        def until(stop: int) -> JSON:
            return piece(item, whole, start, stop)

        # Each character of the item adds at least one to the result, so at most `room` fit.
        low, high = start.offset, min(total, start.offset + max(room, 0))
        while low < high:
            middle = (low + high + 1) // 2
            if self._cost(until(middle)) <= room:
                low = middle
            else:
                high = middle - 1
        done = low >= total
        shown = until(low)
        unmarked = self._lines_of(shown)
        cost = self._cost(shown, unmarked)
        if cost > room or (low == start.offset and not done):
            raise _too_small("An item", self._bounds.result_chars, ", not even in pieces")
        self._add(shown, unmarked, cost, position, None if done else replace(start, offset=low))
        return done


def _too_small(what: str, result_chars: int, detail: str = "") -> ToolError:
    return ToolError(
        "invalid_arguments",
        f"{what} does not fit into a result of {result_chars} characters{detail}.",
        next_step="Ask the operator to raise BACKSCROLL_RESULT_CHARS.",
    )
