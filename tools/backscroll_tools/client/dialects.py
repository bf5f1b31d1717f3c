"""How an upstream's lists are divided into pages. A `Dialect` describes this for one list.

In most lists of OpenAI's API, a page starts after the item whose id the request contains. So a
reader can stop at any item, and continue there later. In all other lists, a reply contains an
opaque cursor for the next page, or pages have numbers, or there is only one page. To continue at an
item of such a page, a reader requests the page again, and skips the items before the position. So
the key of an item in such a list is a `Place`: the page's cursor and the number of items to skip.

The sources of the dialects are in docs/upstreams.md.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Literal, TypeAlias, cast

from msgspec import Struct, field

from backscroll_tools.models import JSON, Order

Query: TypeAlias = tuple[tuple[str, str], ...]

TOKEN_CHARS: Final = 1400
"""The maximum length of an upstream's cursor, in characters. If the cursor of the next page is
longer, that page cannot be read. Our own cursors contain the upstream's cursor, and their length is
limited too."""

_PAGE: Final = 100
"""The maximum number of items on one page in most lists (OpenAI API)."""

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
"""The characters that a key may contain, except those that separate its parts."""

_SAME: Final[Mapping[Order, str]] = {"asc": "asc", "desc": "desc"}


class Place(Struct, frozen=True):
    """A position in a list for which `Dialect.has_places` is True.

    Attributes:
        token: the upstream's cursor of the page; empty for the first page, and if pages have
            numbers.
        passed: the number of items to skip, from the start of the page. If it exceeds the page's
            length, items of the following pages are skipped too. If pages have numbers, it is
            counted from the start of the list.
        item_id: the id of the last skipped item; empty if no item is skipped, or if the item has no
            valid id.
    """

    token: str = ""
    passed: int = 0
    item_id: str = ""

    @property
    def key(self) -> str:
        """The position as a key of the list, in the format of `pages.cursor.KEY`."""
        return f"{self.passed}.{_encoded(self.token)}.{_encoded(self.item_id)}"

    @classmethod
    def of(cls, key: str) -> "Place":
        """Return the position for a key; the start of the list for an empty or damaged key."""
        match key.split("."):
            case [passed, token, item_id] if passed.isascii() and passed.isdigit():
                with suppress(binascii.Error, UnicodeDecodeError):
                    return cls(_decoded(token), int(passed[:6]), _decoded(item_id))
            case _:
                pass
        return cls()


def _encoded(text: str) -> str:
    """Return a text as a part of a key: unchanged if possible, otherwise `=` and its base64."""
    if _PLAIN.issuperset(text):
        return text
    return f"={base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}"


def _decoded(part: str) -> str:
    if not part.startswith("="):
        return part
    return base64.urlsafe_b64decode(f"{part[1:]}{'=' * (-len(part[1:]) % 4)}").decode()


class Dialect(Struct, frozen=True, kw_only=True):
    """How one list is divided into pages.

    Attributes:
        next_is: how a request selects the next page. `item`: by the id of the item before the page.
            `page`: by an opaque cursor. `number`: by the page's number. `nothing`: the list is a
            single page.
        next_in: the field of the reply that contains the id or the cursor for the next request;
            empty if the reply has no such field. For `item`, the next page then starts after the
            last item.
        parameter: the query parameter that contains the id, the cursor or the number of the page.
        limit: the query parameter for the number of items.
        most: the maximum number of items on one page.
        orders: the values of the query parameter `order`; empty if the list has a fixed order.
        fixed_order: the list's order, if it is fixed and known; otherwise None.
        rows: the field of the reply with the items; empty if the reply is an array.
        id_in: the field that contains an item's id. If its name is not `id`, its value is copied to
            `id`.
        items_in: returns the items of a reply that has them in several fields; None if the reply
            has none. If this function is given, `rows` is only the name of the items in errors.
    """

    next_is: Literal["item", "page", "number", "nothing"] = "item"
    next_in: str = ""
    parameter: str = "after"
    limit: str = "limit"
    most: int = _PAGE
    orders: Mapping[Order, str] = field(default_factory=lambda: _SAME)
    fixed_order: Order | None = None
    rows: str = "data"
    id_in: str = "id"
    items_in: Callable[[JSON], list[object] | None] | None = None

    @property
    def has_places(self) -> bool:
        """Whether the items' keys in the list have the format of `Place.key`, and are not ids."""
        return self.next_is != "item"

    @property
    def has_both_ends(self) -> bool:
        """Whether a page can start after the same item in both orders of the list."""
        return not self.has_places and self.fixed_order is None and len(self.orders) > 1

    def query(self, limit: int, order: Order, after: str, filters: Query = ()) -> Query:
        """Return the query parameters of a request for a part of the list.

        Args:
            limit: the maximum number of items; 1 or more.
            order: the order of the items; ignored if the list has a fixed order.
            after: the key that the items follow; empty for the start of the list.
            filters: further query parameters.
        """
        if self.next_is == "nothing":
            return filters
        place = Place.of(after) if self.has_places else Place(after)
        size, token = min(self.most, place.passed + limit), place.token
        if self.next_is == "number":
            size, token = min(self.most, limit), str(place.passed // min(self.most, limit))
        ordered = (("order", self.orders[order]),) if order in self.orders else ()
        start = ((self.parameter, token),) if token else ()
        return ((self.limit, str(size)), *ordered, *start, *filters)

    def rows_of(self, reply: JSON) -> list[object] | None:
        """Return the items of a reply; None if it has no list of items."""
        if self.items_in is not None:
            return self.items_in(reply)
        rows = reply.get(self.rows or ARRAY)
        return cast("list[object]", rows) if isinstance(rows, list) else None


ARRAY: Final = ""
"""The name under which `replies.decode` stores a reply that is an array and not an object."""

BY_ITEM: Final = Dialect()
"""The next page starts after the id of the last item."""

BY_LAST_ID: Final = Dialect(next_in="last_id")
"""The next page starts after the reply's `last_id`, which may be the id of an item that the reply
does not contain."""

BY_NEXT: Final = Dialect(next_is="page", next_in="next")
"""The reply's `next` is the cursor of the next page, for the parameter `after`."""

BY_NEXT_PAGE: Final = Dialect(next_is="page", next_in="next_page", parameter="page")
"""The reply's `next_page` is the cursor of the next page, for the parameter `page`."""

BY_NUMBER: Final = Dialect(
    next_is="number",
    parameter="page",
    limit="page_size",
    orders={},
    fixed_order="desc",
    rows="",
)
"""Pages have numbers, from 0, and a reply is an array of items, newest first."""

ONE_PAGE: Final = Dialect(next_is="nothing", orders={})
"""The whole list is a single page."""

ENTRIES: Final = Dialect(next_is="nothing", orders={}, fixed_order="asc", rows="entries")
"""The whole list is a single page, oldest first, in the reply's field `entries`."""
