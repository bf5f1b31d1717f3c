"""The parts of a result around its items, and their exact length in characters."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from backscroll_tools.models import JSON, Page
from backscroll_tools.pages.cursor import Inside, ListPosition, encode
from backscroll_tools.pages.stop import WARNING_CHARS, Stop
from backscroll_tools.render import MARK_CHARS, compact, heading
from backscroll_tools.tool import Bounds

_MARK: Final = "#" * MARK_CHARS
"""Used instead of the line prefix to count characters; all prefixes have this length."""

_WARNING: Final = "w" * WARNING_CHARS


class Shape(Struct, frozen=True):
    """The shape of a tool's result.

    Attributes:
        key: the field of the structured content that holds the items.
        noun: the word for one item, in the singular.
        single: whether the result is one item instead of a list.
        derived: whether the items were extracted from another object, because the upstream cannot
            list them.
        unordered: whether the order of the list is not known.
        short_ids: whether the text shows most ids short (`render.shown_ids`).
    """

    key: str
    noun: str
    single: bool = False
    derived: bool = False
    unordered: bool = False
    short_ids: bool = False


class Frame:
    """The heading and the page object of a result.

    Args:
        shape: the shape of the result.
        start: the position that the page starts from.
        bounds: the call's limits. Only `output` is used: it names the parts of the result whose
            characters count.

    Attributes:
        previous_cursor: the cursor for the items before the page; empty if the page has no such
            cursor.
        longest_cursor: a cursor that the page might end with; empty if no such cursor is known. The
            page always reserves enough space for it.
    """

    def __init__(self, shape: Shape, start: ListPosition, bounds: Bounds) -> None:
        self._shape = shape
        self._start = start
        self.previous_cursor = ""
        self.longest_cursor = ""
        self._counts_structured = bounds.output != "text"
        self._cursors: dict[tuple[int, Inside | None], str] = {}
        self._lengths: dict[tuple[int, int, int, Inside | None], int] = {}

    def structured(self, page: Page, items: list[JSON]) -> JSON:
        """Return the structured content of a result."""
        if self._shape.single:
            return {"page": page, self._shape.key: items[0]} if items else {"page": page}
        return {"page": page, self._shape.key: items}

    def page(self, returned: int, stop: Stop, cursor: str | None) -> Page:
        """Return the page object of a result.

        Args:
            returned: the number of items.
            stop: the reason why reading the list ended.
            cursor: the cursor of the next page; None if there is no next page.
        """
        page = Page(
            returned=returned,
            has_more=stop.has_more,
            next_cursor=cursor,
            stopped_by=stop.by,
            order="upstream" if self._shape.unordered else self._start.order,
        )
        if self._shape.derived:
            page["derived"] = True
        if stop.passed:
            page["passed"] = stop.passed
        if stop.warning:
            page["warning"] = stop.warning
        if self.previous_cursor:
            page["previous_cursor"] = self.previous_cursor
        return page

    def reserved(self, returned: int, passed: int, position: str, inside: Inside | None) -> int:
        """Return how many characters to reserve for the heading and the page object.

        Args:
            returned: the number of items.
            passed: the number of items (such as tool calls) that the page skipped.
            position: the key of the last item.
            inside: the offset in the last item at which the next page starts; None if the next page
                starts after the last item.
        """
        # The length depends only on these values. The wording of the heading differs for no items,
        # one item and several items, and it mentions skipped items only if there are any.
        lengths = (
            1 + len(str(returned)) if returned > 1 else returned,
            len(str(passed)) if passed else 0,
            len(position),
            inside,
        )
        frame = self._lengths.get(lengths)
        if frame is None:
            cursor = self._cursor(position, inside)
            frame = self._lengths[lengths] = self._frame(returned, cursor, passed)
        return frame

    def _cursor(self, position: str, inside: Inside | None) -> str:
        """Return a cursor that is long enough for this position and for `longest_cursor`."""
        lengths = (len(position), inside)
        if lengths not in self._cursors:
            exact = encode(replace(self._start, position=position, inside=inside))
            self._cursors[lengths] = max(exact, self.longest_cursor, key=len)
        return self._cursors[lengths]

    def _frame(self, returned: int, cursor: str, passed: int) -> int:
        """Return the maximum length that a result can have without its items, in characters.

        Args:
            returned: the number of items.
            cursor: the cursor of the next page.
            passed: the number of items (such as tool calls) that the page skipped.
        """
        worst = Stop("requests", has_more=True, warning=_WARNING, passed=passed)
        page = self.page(returned, worst, cursor)
        return self.framed(heading(_MARK, page, self._shape.noun), page)

    def framed(self, head: str, page: Page) -> int:
        """Return the length of a result without its items, in characters."""
        if not self._counts_structured:
            return len(head)
        return len(head) + len(compact(self.structured(page, [])))
