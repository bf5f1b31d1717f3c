"""The bound: how much of what was read fits into one result, counted to the character.

A result's size is the characters of its text plus those of its structured content as compact
JSON. A page is cut between items. An item that is too long for a page of its own is shown in
pieces, each on a page whose cursor goes on inside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from backscroll_tools.errors import ToolError
from backscroll_tools.models import JSON, Page
from backscroll_tools.pages.cursor import Inside, Place, encode
from backscroll_tools.pages.pieces import piece, previewed, reading
from backscroll_tools.pages.walk import WARNING_CHARS, Stop
from backscroll_tools.render import MARK_CHARS, compact, fresh_mark, heading, lines, marked
from backscroll_tools.tool import Bounds, Result

_MARK: Final = "#" * MARK_CHARS
"""Stands for the mark while counting: every mark has its length."""

_WARNING: Final = "w" * WARNING_CHARS


@dataclass(frozen=True, slots=True)
class Shape:
    """How a tool's result looks.

    Attributes:
        key: under which its items stand.
        noun: what one of them is called.
        single: whether it is one item and no list.
        derived: whether the items were taken from elsewhere than a list of the upstream's.
    """

    key: str
    noun: str
    single: bool = False
    derived: bool = False


class BoundedPage:
    """A page that takes items while they fit.

    Args:
        shape: how the result looks.
        start: where the page starts.
        bounds: the characters to keep to, and which parts of the result count.
    """

    def __init__(self, shape: Shape, start: Place, bounds: Bounds) -> None:
        self._shape = shape
        self._bounds = bounds
        self._items: list[JSON] = []
        self._lines: list[str] = []
        self._used = 0
        self._passed = 0
        self._start = start
        self._position = start.position
        self._inside = start.inside
        self._cursors: dict[tuple[int, Inside | None], str] = {}
        self._frames: dict[tuple[int, int, int, Inside | None], int] = {}

    @property
    def returned(self) -> int:
        """How many items, or pieces of one, the page holds."""
        return len(self._items)

    @property
    def place(self) -> Place:
        """Where the next page starts."""
        return self._behind(self._position, self._inside)

    def take(self, item: Mapping[str, object], key: str, passed: int) -> bool:
        """Take an item if it fits, whole or as a preview; answer whether the page can take more.

        An item that does not fit is left for the next page. The first of a page is always taken,
        if need be in part.

        Args:
            item: the item.
            key: its key in the list.
            passed: how many items of other kinds the page has walked over when it has taken it.

        Raises:
            ToolError: `invalid_arguments` where the bound is too small for even a piece of it.
        """
        self._passed = passed
        shown = previewed(item, self._start.preview) if self._start.preview else item
        unmarked = self._lines_of(shown)
        cost = self._cost(shown, unmarked)
        if cost <= self._room(key):
            self._add(shown, unmarked, cost, key)
            return True
        if not self._items:
            start = Inside(0, with_fields=self._fields_too_long(item, key))
            self._add_piece(item, key, start)
        return False

    def take_rest(self, item: Mapping[str, object]) -> bool:
        """Take what follows the piece of an item that was shown last; answer as `take` does."""
        inside = self._inside or Inside(0)
        if inside.offset >= len(reading(item, with_fields=inside.with_fields)):
            self._inside = None
            return True
        return self._add_piece(item, self._position, inside)

    def skip_rest(self) -> None:
        """Pass over the item that was shown in part, because it is gone."""
        self._inside = None

    def fits(self, stop: Stop) -> bool:
        """Whether the page keeps its bound if the walk ends as `stop` says, whatever its reason."""
        cursor = encode(self._behind(stop.last or self._position, self._inside))
        frame = self._frame(len(self._items), cursor, stop.passed)
        return self._used + frame <= self._bounds.result_chars

    def result(self, stop: Stop) -> Result:
        """Return the page as a tool's result.

        Args:
            stop: why the walk ended.

        Raises:
            ToolError: `invalid_arguments` if the bound is too small for a page without items.
        """
        more = stop.has_more or self._inside is not None
        place = self._behind(stop.last or self._position, self._inside)
        cursor = encode(place) if more and stop.reachable else None
        page = self._page(len(self._items), replace(stop, has_more=more), cursor)
        items = self._items[::-1] if self._start.backward else self._items
        texts = [text for item in items if isinstance(text := item.get("text"), str)]
        mark = fresh_mark(texts)
        head = heading(mark, page, self._shape.noun)
        if not items and self._framed(head, page) > self._bounds.result_chars:
            raise _too_small("The heading of a page", self._bounds.result_chars)
        return Result(head + marked(mark, self._all_lines(items)), self._structured(page, items))

    def _all_lines(self, items: list[JSON]) -> list[str]:
        """Return the lines of the items as they are shown."""
        if not self._start.backward or self._bounds.output == "structured":
            return self._lines
        above: list[JSON | None] = [None, *items]
        each = (
            lines(item, self._shape.noun, over) for over, item in zip(above, items, strict=False)
        )
        return list(chain.from_iterable(each))

    def _structured(self, page: Page, items: list[JSON]) -> JSON:
        if self._shape.single:
            return {"page": page, self._shape.key: items[0]} if items else {"page": page}
        return {"page": page, self._shape.key: items}

    def _page(self, returned: int, stop: Stop, cursor: str | None) -> Page:
        page = Page(
            returned=returned,
            has_more=stop.has_more,
            next_cursor=cursor,
            stopped_by=stop.by,
            order=self._start.order,
        )
        if self._shape.derived:
            page["derived"] = True
        if stop.passed:
            page["passed"] = stop.passed
        if stop.warning:
            page["warning"] = stop.warning
        return page

    def _behind(self, position: str, inside: Inside | None) -> Place:
        return replace(self._start, position=position, inside=inside)

    def _room(self, position: str, inside: Inside | None = None) -> int:
        """Return the characters that are left for one more item, the last on its page.

        Args:
            position: its key.
            inside: how far into it the next page would start.
        """
        # Of what changes from item to item, a frame's length depends on lengths alone.
        returned = len(self._items) + 1
        digits = len(str(returned)) if returned > 1 else 0  # one item has a heading of its own
        lengths = (digits, len(str(self._passed)), len(position), inside)
        frame = self._frames.get(lengths)
        if frame is None:
            cursor = self._cursor(position, inside)
            frame = self._frames[lengths] = self._frame(returned, cursor, self._passed)
        return self._bounds.result_chars - self._used - frame

    def _cursor(self, position: str, inside: Inside | None) -> str:
        """Return a cursor as long as the one behind an item."""
        behind = (len(position), inside)
        if behind not in self._cursors:
            self._cursors[behind] = encode(self._behind(position, inside))
        return self._cursors[behind]

    def _frame(self, returned: int, cursor: str, passed: int) -> int:
        """Return the most characters that a result has in addition to its items.

        Args:
            returned: how many items it holds.
            cursor: where the next page starts.
            passed: how many items of other kinds the walk passed over.
        """
        worst = Stop("requests", has_more=True, warning=_WARNING, passed=passed)
        page = self._page(returned, worst, cursor)
        return self._framed(heading(_MARK, page, self._shape.noun), page)

    def _framed(self, head: str, page: Page) -> int:
        """Return the characters of a result without its items."""
        structured = self._bounds.output != "text"
        return len(head) + (len(compact(self._structured(page, []))) if structured else 0)

    def _lines_of(self, item: Mapping[str, object]) -> list[str]:
        """Return the lines of the next item; none where the result has no text but its heading."""
        if self._bounds.output == "structured":
            return []
        # Going backward, items are turned round in the end: each is counted as if it stood first.
        above = self._items[-1] if self._items and not self._start.backward else None
        return lines(item, self._shape.noun, above)

    def _cost(self, item: Mapping[str, object], unmarked: list[str] | None = None) -> int:
        """Return the characters that an item adds to the result, a comma included."""
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
        self._lines += unmarked
        self._position, self._inside = position, inside

    def _fields_too_long(self, item: Mapping[str, object], key: str) -> bool:
        """Whether the item's fields leave less than half of a page to its text."""
        return self._cost({**item, "text": ""}) > self._room(key) // 2

    def _add_piece(self, item: Mapping[str, object], position: str, start: Inside) -> bool:
        """Add as much of an item from `start` on as fits; answer whether that was all of it."""
        whole = reading(item, with_fields=start.with_fields)
        total = len(whole)
        room = self._room(position, replace(start, offset=total))

        def until(stop: int) -> JSON:
            return piece(item, whole, start, stop)

        # Every character costs at least one, so that more than `room` of them cannot fit.
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


def _too_small(what: str, result_chars: int, even: str = "") -> ToolError:
    return ToolError(
        "invalid_arguments",
        f"{what} does not fit into a result of {result_chars} characters{even}.",
        next_step="Ask the operator to raise BACKSCROLL_RESULT_CHARS.",
    )
