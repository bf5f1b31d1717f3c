"""Parses requests for the list by activity, and the cursors of that list."""

import re
from typing import Final, NamedTuple

from msgspec import Struct
from starlette.datastructures import QueryParams

from backscroll.store.activity import US
from backscroll.store.api_errors import invalid_value
from backscroll.store.paging import PageQuery, read_page_query

END: Final = 10**18
"""A number that is higher than any time in Unix microseconds and any row's position."""

_CURSOR: Final = re.compile(r"([0-9]{1,18})\.([ct])([0-9]{1,18})(?:\.([0-9]{1,18}))?")


class SortKey(NamedTuple):
    """The sort key of an object in the list. Its fields are compared in this order.

    Attributes:
        us: the time of the last activity, in Unix microseconds.
        kind: `t` for a thread, `c` for a conversation.
        position: the row's position in its table.
    """

    us: int
    kind: str
    position: int


class Cursor(NamedTuple):
    """A position in the list. Clients get it as text, and send the text as `after`.

    Attributes:
        key: the sort key of the object at the position.
        top: the time of the latest activity when the first page of a descending list was read; None
            in an ascending list.
    """

    key: SortKey
    top: int | None

    def __str__(self) -> str:
        top = "" if self.top is None else f".{self.top}"
        return f"{self.key.us}.{self.key.kind}{self.key.position}{top}"


def read_cursor(text: str) -> Cursor | None:
    """Return the cursor that `text` encodes, or None if `text` is not a cursor."""
    found = _CURSOR.fullmatch(text)
    if found is None:
        return None
    key = SortKey(int(found[1]), found[2], int(found[3]))
    return Cursor(key, None if found[4] is None else int(found[4]))


class ActivityQuery(Struct, frozen=True):
    """A request for a page of the list of threads and conversations, ordered by last activity.

    Attributes:
        page: the limit, the order, and the id or cursor after which the page starts.
        kinds: the kinds of objects to list: `t` for threads, `ct` for conversations and threads.
        since_us: only activity at or after this time is listed, in Unix microseconds.
        until_us: only activity before this time is listed, in Unix microseconds.
        at: if a single object is requested, its position in the list; None if a page is requested.
    """

    page: PageQuery
    kinds: str
    since_us: int
    until_us: int
    at: Cursor | None


def read_activity_query(params: QueryParams) -> ActivityQuery:
    """Return the request that a query string describes. Unknown parameters are ignored.

    Raises:
        ApiError: 400 for a value that is not allowed.
    """
    included = {*params.getlist("include"), *params.getlist("include[]")}
    at = params.get("at")
    cursor = read_cursor(at) if at else None
    if at and cursor is None:
        raise invalid_value("at", "Invalid 'at': expected the 'cursor' of an object in the list.")
    return ActivityQuery(
        page=read_page_query(params, "desc", takes_before=False),
        kinds="ct" if "conversations" in included else "t",
        since_us=_seconds(params, "since", 0) * US,
        until_us=_seconds(params, "until", END // US - 1) * US,
        at=cursor,
    )


def _seconds(params: QueryParams, name: str, default: int) -> int:
    text = params.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise invalid_value(name, f"Invalid '{name}': expected a time in Unix seconds.")
    return int(text)
